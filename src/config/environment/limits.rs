//! How many, how long, how much.

use std::ffi::OsString;
use std::time::Duration;

use super::Environment;
use crate::domain::duration;
use crate::domain::space::{BadSpace, Size};

/// Calls at once beyond which the machine, not the setting, is the limit.
const MOST_PARALLEL: usize = 1024;

/// What a log must hold at least.
const LEAST_LOG: Size = Size(64 << 10);

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    pub(super) fn parallelism(&mut self, cpus: usize) -> usize {
        let Some(text) = self.text("POCKETCI_PARALLELISM") else { return cpus.max(1) };
        let number = text.parse().ok().filter(|n| (1..=MOST_PARALLEL).contains(n));
        number.unwrap_or_else(|| {
            let right = format!("a number of calls from 1 to {MOST_PARALLEL}");
            self.wrong("POCKETCI_PARALLELISM", &text, &right);
            cpus
        })
    }

    pub(super) fn repository_parallelism(&mut self) -> Option<u32> {
        let text = self.text("POCKETCI_REPOSITORY_PARALLELISM")?;
        let number = text.parse().ok().filter(|n| *n >= 1);
        if number.is_none() {
            self.wrong("POCKETCI_REPOSITORY_PARALLELISM", &text, "a number of calls from 1 on");
        }
        number
    }

    pub(super) fn call_timeout(&mut self) -> Duration {
        const DEFAULT: Duration = Duration::from_secs(60 * 60);
        let Some(text) = self.text("POCKETCI_CALL_TIMEOUT") else { return DEFAULT };
        duration::parse(&text).unwrap_or_else(|error| {
            self.wrong.push(format!("POCKETCI_CALL_TIMEOUT: {error}"));
            DEFAULT
        })
    }

    pub(super) fn run_timeout(&mut self) -> Option<Duration> {
        let text = self.text("POCKETCI_RUN_TIMEOUT").filter(|text| text != "0" && text != "0s")?;
        self.duration("POCKETCI_RUN_TIMEOUT", &text)
    }

    pub(super) fn drain_timeout(&mut self) -> Duration {
        const DEFAULT: Duration = Duration::from_secs(30);
        match self.text("POCKETCI_DRAIN_TIMEOUT").as_deref() {
            None => DEFAULT,
            Some("0" | "0s") => Duration::ZERO,
            Some(text) => duration::parse(text).unwrap_or_else(|error| {
                self.wrong.push(format!("POCKETCI_DRAIN_TIMEOUT: {error}"));
                DEFAULT
            }),
        }
    }

    pub(super) fn catch_up(&mut self) -> Option<Duration> {
        let text = self.text("POCKETCI_CATCH_UP").filter(|text| text != "0" && text != "0s")?;
        self.duration("POCKETCI_CATCH_UP", &text)
    }

    pub(super) fn compare_every(&mut self) -> Option<Duration> {
        let text = self.text("POCKETCI_TEST_COMPARE_EVERY")?;
        self.duration("POCKETCI_TEST_COMPARE_EVERY", &text)
    }

    fn duration(&mut self, name: &str, text: &str) -> Option<Duration> {
        match duration::parse(text) {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.wrong.push(format!("{name}: {error}"));
                None
            }
        }
    }

    pub(super) fn space<T>(
        &mut self,
        name: &str,
        default: T,
        parse: impl Fn(&str) -> Result<T, BadSpace>,
    ) -> T {
        let Some(text) = self.text(name) else { return default };
        parse(&text).unwrap_or_else(|error| {
            self.wrong.push(format!("{name}: {error}"));
            default
        })
    }

    pub(super) fn log_limit(&mut self) -> u64 {
        let size = self.space("POCKETCI_LOG_LIMIT", Size(100 << 20), Size::parse);
        if size < LEAST_LOG {
            let right = "a size from `64KiB` on: less would not hold what went wrong";
            self.wrong("POCKETCI_LOG_LIMIT", &size.to_string(), right);
        }
        size.0
    }
}
