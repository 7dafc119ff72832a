//! What a command prints while it runs: where it can be read before its whole log is there.
//!
//! A command in a function leaves parts in the bucket, one a second at the most; one in a container has a stream of
//! CodeBuild's log. Nothing of it counts for anything; the log in `logs/` is what is kept.

/// The prefix of all parts; objects below it go after a day.
pub const PREFIX: &str = "running/";
/// The longest a part is, in bytes.
pub const PART: u64 = 256 << 10;
/// So much of a command's output can be followed, in bytes. The rest is in its log when it has ended.
pub const MOST: u64 = 4 << 20;

/// `stage-r42/api/build` of `logs/stage-r42/api/build.log`: a container's stream begins with it.
pub fn name(log_key: &str) -> &str {
    let key = log_key.strip_prefix("logs/").unwrap_or(log_key);
    key.strip_suffix(".log").unwrap_or(key)
}

/// `running/stage-r42/api/build/1790000000000-000001`. `began` tells the runs of a command apart that had to be tried
/// again, in their order.
pub fn part_key(log_key: &str, began: u64, number: u32) -> String {
    format!("{PREFIX}{}/{began:013}-{number:06}", name(log_key))
}

/// Component and stage, of a part's key or of what a stream is called.
pub fn of(name: &str) -> Option<(&str, &str)> {
    let mut parts = name.strip_prefix(PREFIX).unwrap_or(name).split('/');
    let (_release, component, stage) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().map(|_| (component, stage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_sort_by_run_and_number_and_tell_whose_they_are() {
        let key = "logs/stage-r42/api/suite-smoke.log";
        let first = part_key(key, 1_790_000_000_000, 99);
        assert_eq!(
            first,
            "running/stage-r42/api/suite-smoke/1790000000000-000099"
        );
        assert!(first < part_key(key, 1_790_000_000_000, 100));
        assert!(part_key(key, 1_790_000_000_000, 100) < part_key(key, 1_790_000_000_001, 1));
        assert_eq!(of(&first), Some(("api", "suite-smoke")));
        let stream = format!("{}/0a1b-2c3d", name(key));
        assert_eq!(of(&stream), Some(("api", "suite-smoke")));
        assert_eq!(of("stage-r42/api"), None);
    }
}
