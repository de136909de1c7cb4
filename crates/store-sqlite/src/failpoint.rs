//! Named points before and after every COMMIT at which a chaos build's process ends or stops itself, so that each kill
//! is at a chosen point. The shipped program is built without the feature `failpoints`, where [`reached`] is nothing.

/// On which side of a transaction's COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Everything is written, and nothing of it is durable.
    Before,
    /// It is durable, and nobody has been told.
    After,
}

/// A point is reached.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) const fn reached(_: Moment, _: &'static str) {}

/// A point is reached: the one named by the environment variable `ORCHD_FAILPOINT` ends the process.
#[cfg(feature = "failpoints")]
pub(crate) use chosen::reached;

#[cfg(feature = "failpoints")]
mod chosen {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    use super::Moment;

    /// `before:METHOD:NTH` or `after:METHOD:NTH` kills, with `:stop` behind it stops, the NTH time from the start.
    struct Chosen {
        moment: Moment,
        name: String,
        nth: u64,
        signal: Signal,
        seen: AtomicU64,
    }

    impl Chosen {
        fn parse(text: &str) -> Option<Self> {
            let mut words = text.split(':');
            let moment = match words.next()? {
                "before" => Moment::Before,
                "after" => Moment::After,
                _ => return None,
            };
            let name = words.next()?.to_owned();
            let nth = words.next()?.parse().ok()?;
            let signal = match words.next() {
                None => Signal::KILL,
                Some("stop") => Signal::STOP,
                Some(_) => return None,
            };
            Some(Self { moment, name, nth, signal, seen: AtomicU64::new(0) })
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a chaos build only: the harness chooses the point per process"
    )]
    fn asked() -> Option<Chosen> {
        let text = std::env::var("ORCHD_FAILPOINT").ok().filter(|text| !text.is_empty())?;
        let chosen = Chosen::parse(&text);
        if chosen.is_none() {
            tracing::error!("ORCHD_FAILPOINT={text} names no point: before|after:METHOD:NTH[:stop]");
        }
        chosen
    }

    pub(crate) fn reached(moment: Moment, name: &'static str) {
        static CHOSEN: OnceLock<Option<Chosen>> = OnceLock::new();
        let Some(chosen) = CHOSEN.get_or_init(asked) else { return };
        if chosen.moment != moment || chosen.name != name {
            return;
        }
        if chosen.seen.fetch_add(1, Ordering::SeqCst) + 1 == chosen.nth
            && let Err(error) = kill_process(getpid(), chosen.signal)
        {
            tracing::error!("the process can not end itself: {error}");
        }
    }
}
