//! Gates whose runner this version does not have: they keep their place and say so, loudly, on every surface.

use super::Judged;

pub(super) fn judge() -> Judged {
    Judged::not_applicable("no runner in this version")
}
