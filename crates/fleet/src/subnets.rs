//! In which of a target's subnets an instance is launched.

use aws::CallError;
use pipeline::errors::{ErrorName, Fault};
use pipeline::names::Target;
use sha2::{Digest, Sha256};

/// What EC2 says where another subnet may do: its zone has no such machine or volume, or none at this moment
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>).
const ELSEWHERE: [&str; 4] = [
    "InsufficientInstanceCapacity",
    "InsufficientVolumeCapacity",
    "InsufficientFreeAddressesInSubnet",
    "Unsupported",
];

/// Whether a launch was refused, and another subnet may do.
pub fn has_no_room(error: &CallError) -> bool {
    ELSEWHERE.iter().any(|code| error.is(code))
}

/// All of them once, beginning with this one.
pub fn in_turn(subnets: &[String], first: usize) -> impl Iterator<Item = &str> {
    let all = subnets.iter().cycle().skip(first % subnets.len().max(1));
    all.take(subnets.len()).map(String::as_str)
}

/// With which of so many subnets a hostname begins: always the same, and not the same for all, so that not all
/// components of one instance stand in one zone.
pub fn first_subnet(hostname: &str, of: usize) -> usize {
    usize::from(Sha256::digest(hostname)[0]) % of.max(1)
}

/// A target whose row names no subnet.
pub fn no_subnets(target: &Target) -> Fault {
    let text = format!("target {target} has no subnets recorded; deploy infra/target.yaml again");
    Fault::new(ErrorName::Misconfigured, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws::CallKind;

    fn check(first: usize, expected: &[&str]) {
        let subnets = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(in_turn(&subnets, first).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn each_subnet_comes_once_whichever_is_the_first() {
        check(0, &["a", "b", "c"]);
        check(2, &["c", "a", "b"]);
        check(4, &["b", "c", "a"]);
        assert_eq!(in_turn(&[], 1).count(), 0);
    }

    #[test]
    fn hostnames_begin_with_different_subnets_and_each_always_with_the_same() {
        let first = |n: usize| first_subnet(&format!("api-{n}.stage.myproj.com"), 2);
        let of_the_second: usize = (0..100).map(first).sum();
        assert!((30..70).contains(&of_the_second), "{of_the_second} of 100");
        assert_eq!(first(7), first(7));
        assert_eq!(first_subnet("api", 0), 0);
    }

    #[test]
    fn a_zone_without_the_machine_is_told_from_what_no_subnet_helps_with() {
        let error = |code: &str| CallError {
            operation: "ec2:RunInstances",
            kind: CallKind::Refused,
            code: code.into(),
            message: "m".into(),
        };
        assert!(ELSEWHERE.iter().all(|code| has_no_room(&error(code))));
        for code in ["VcpuLimitExceeded", "RequestLimitExceeded", "no answer"] {
            assert!(!has_no_room(&error(code)), "{code}");
        }
    }
}
