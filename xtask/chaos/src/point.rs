//! Which point comes next: every named one in turn, before and after its commit, later ones of a life too. Numbers
//! only; what a point does is the store's (feature `failpoints`).

/// Methods of the store that a workload reaches, and how late in a life. Commits come often: most of what can be cut
/// in two is one.
const METHODS: &[(&str, u64)] = &[
    ("commit", 1),
    ("settle", 1),
    ("commit", 4),
    ("claim", 2),
    ("commit", 9),
    ("send_effect", 1),
    ("ack_projection", 2),
    ("commit", 6),
    ("put_input", 1),
    ("create_task", 1),
    ("commit", 14),
    ("settle", 2),
    ("take_over", 1),
    ("commit", 2),
    ("ensure_repo", 1),
    ("claim", 5),
    ("commit", 22),
    ("settle", 3),
    ("put_pull", 1),
    ("set_issue_status", 3),
    ("commit", 3),
    ("add_issue", 1),
    ("commit_repo", 1),
];

/// What a life ends by.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    /// As `ORCHD_FAILPOINT` has it.
    pub(crate) text: String,
    /// As the figures have it.
    pub(crate) name: String,
    /// The process is stopped there, not killed.
    pub(crate) stops: bool,
}

/// The points in their order.
#[derive(Debug)]
pub(crate) struct Points {
    next: u64,
    stops: u32,
}

impl Points {
    pub(crate) const fn new(seed: u64, stops: u32) -> Self {
        Self { next: seed, stops }
    }

    pub(crate) fn next(&mut self) -> Point {
        let n = self.next;
        self.next += 1;
        let count = METHODS.len() as u64;
        let (method, nth) = METHODS[usize::try_from(n % count).unwrap_or(0)];
        // Each round takes the other side, so that two rounds have both of each.
        let side = if (n / count + n / 2).is_multiple_of(2) { "before" } else { "after" };
        let name = format!("{side}:{method}");
        // A process that stands still has sent something and does not know what became of it.
        let stops = self.stops > 0 && method == "commit" && nth == 9;
        if stops {
            self.stops -= 1;
        }
        let text = format!("{name}:{nth}{}", if stops { ":stop" } else { "" });
        Point { text, name, stops }
    }
}
