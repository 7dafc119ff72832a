//! Which plan is an execution's own.
//!
//! Plan release may run twice, so an execution's row leads to what it planned before. But Step
//! Functions lets a name be used again 90 days after its execution has ended
//! (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>), and the
//! row of the first one is still there. An execution plans after it began, so a plan that is older than
//! the execution is another one's.

/// How much older than its execution a plan may look, in seconds. No two clocks agree; and between two
/// executions of one name lie 90 days.
const CLOCKS: i64 = 24 * 3600;

/// Whether what was planned then is of the execution that began then, both in seconds since 1970. Where
/// one of them is not known, the name alone decides: an execution that began with an earlier definition
/// does not tell when.
pub fn is_own(planned: Option<i64>, began: Option<i64>) -> bool {
    match (planned, began) {
        (Some(planned), Some(began)) => planned + CLOCKS >= began,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN: i64 = 1_790_000_000;

    #[test]
    fn a_second_try_finds_the_plan_of_the_first() {
        assert!(is_own(Some(BEGAN + 1), Some(BEGAN)));
        assert!(is_own(Some(BEGAN + 24 * 3600), Some(BEGAN)));
        assert!(is_own(Some(BEGAN - 5), Some(BEGAN)), "clocks differ");
    }

    #[test]
    fn a_name_that_is_used_again_does_not_get_the_old_plan() {
        assert!(!is_own(Some(BEGAN - 90 * 24 * 3600), Some(BEGAN)));
    }

    #[test]
    fn without_a_time_the_name_decides() {
        assert!(is_own(None, Some(BEGAN)));
        assert!(is_own(Some(BEGAN), None));
    }
}
