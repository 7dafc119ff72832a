//! How long each part may take, so that the function always answers within its `Timeout`: if it is killed, all is lost
//! that it has seen. The SDK alone waits 30 s for one answer and tries five times.
//!
//! To watch takes [`GIVE_UP`] 60 s, and one more look that begins right then: [`PAUSE`] 1 s, [`TABLE`] 6 s, [`INSIDE`]
//! 30 s (and beside it [`OUTSIDE`]); then [`CONNECTIONS`] 8 s: 105 s together, of 110 s.
//!
//! To look before the cutover takes [`LOOKS_BEFORE`] times [`TABLE`] and [`OUTSIDE`], and pauses between: 88 s.

use futures::{Stream, StreamExt};
use pipeline::errors::{ErrorName, Fault};
use std::collections::BTreeMap;
use std::time::Duration;

/// Between two looks at what is not well.
pub const PAUSE: Duration = Duration::from_secs(1);
/// How often users' way is looked at before the cutover, until it works once. So often the table is asked too.
pub const LOOKS_BEFORE: usize = 3;
/// For what the table says: up to three calls, which it answers in milliseconds.
pub const TABLE: Duration = Duration::from_secs(6);
/// For EC2's states, the health paths and the ends. Where nothing answers, the examiner asks for 20 s; the rest is for
/// EC2 and S3.
pub const INSIDE: Duration = Duration::from_secs(30);
/// From outside. One component takes 10 s at the most, and 98 of them take two rounds.
pub const OUTSIDE: Duration = Duration::from_secs(22);
/// For what the instances tell of their connections.
pub const CONNECTIONS: Duration = Duration::from_secs(8);

/// The answer of a call, or that it did not come in time.
pub async fn within<T>(
    most: Duration,
    whose: &str,
    call: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let late = |_| {
        let text = format!("{whose} did not answer within {} s", most.as_secs());
        Err(Fault::new(ErrorName::Unavailable, text))
    };
    tokio::time::timeout(most, call).await.unwrap_or_else(late)
}

/// What comes in time. The rest takes nothing away from it.
pub async fn in_time<K: Ord, V>(
    most: Duration,
    answers: impl Stream<Item = (K, V)>,
) -> BTreeMap<K, V> {
    answers.take_until(tokio::time::sleep(most)).collect().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline::bake::GIVE_UP;
    use std::future::pending;

    /// For the rest: the clock is read between looks, and a busy machine is slower.
    const SPARE: Duration = Duration::from_secs(5);
    const SHORT: Duration = Duration::from_millis(1);

    #[test]
    fn the_function_answers_within_its_timeout() {
        let definition = include_str!("../function.yaml");
        let timeout = definition
            .lines()
            .find_map(|line| line.strip_prefix("Timeout: "));
        let timeout = Duration::from_secs(timeout.unwrap().parse().unwrap());
        let look = PAUSE + TABLE + INSIDE.max(OUTSIDE);
        assert!(GIVE_UP + look + CONNECTIONS + SPARE <= timeout);
        let tries = u32::try_from(LOOKS_BEFORE).unwrap();
        assert!((TABLE + PAUSE + OUTSIDE + PAUSE) * tries + SPARE <= timeout);
    }

    #[tokio::test]
    async fn a_call_that_hangs_is_an_error_in_time() {
        let fault = within(SHORT, "the table", pending::<Result<(), Fault>>()).await;
        let said = fault.unwrap_err().to_string();
        assert_eq!(said, "the table did not answer within 0 s");
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_takes_no_other_away() {
        let answers = futures::stream::iter([("api", 1)]).chain(futures::stream::pending());
        assert_eq!(in_time(SHORT, answers).await, BTreeMap::from([("api", 1)]));
    }
}
