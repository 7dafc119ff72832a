//! Looks that show one side only, inside or outside.

use super::*;

/// What is seen from outside while EC2 does not answer.
fn unseen(sight: Result<Sight, String>) -> Result<Sight, String> {
    let mut sight = sight?;
    for inside in sight.inside.values_mut() {
        *inside = Err("ec2:DescribeInstances: RequestLimitExceeded".into());
    }
    Ok(sight)
}

#[test]
fn what_fails_its_users_is_given_up_though_its_instances_cannot_be_seen() {
    check(
        Before::Well,
        |_| unseen(shut()),
        expect![[
            r#"look 4: {"outcome":"unwell","reason":"api.stage.myproj.com:8080/healthz: 54.0.0.1 answers 400: 4 answers in a row since t0","failed":["api"],"looks":1,"not_made":0}"#
        ]],
    );
}

#[test]
fn what_serves_its_users_is_not_known_to_be_well_while_its_instances_cannot_be_seen() {
    check(
        Before::Well,
        |n| if n < 2 { unseen(well()) } else { well() },
        expect![[r#"look 3: {"outcome":"well","looks":1,"not_made":0}"#]],
    );
    check(
        Before::Well,
        |_| unseen(well()),
        expect![[
            r#"look 21: {"outcome":"not_known","looks":0,"not_made":1,"too_few":"of 1 looks during the drain 1 showed nothing for sure, the last one because ec2:DescribeInstances: RequestLimitExceeded"}"#
        ]],
    );
}

#[test]
fn what_is_not_seen_on_one_side_ends_no_failure_there_and_adds_nothing_to_it() {
    let resolver = || sight(Condition::Well, Outside::NotMade("SERVFAIL".into()));
    check(
        Before::Well,
        |n| if n % 2 == 1 { resolver() } else { shut() },
        expect![[
            r#"look 5: {"outcome":"unwell","reason":"api.stage.myproj.com:8080/healthz: 54.0.0.1 answers 400: 3 answers in a row since t0","failed":["api"],"looks":1,"not_made":0}"#
        ]],
    );
    check(
        Before::Well,
        |n| if n == 0 { sick() } else { unseen(well()) },
        expect![[
            r#"look 21: {"outcome":"not_known","looks":0,"not_made":1,"noticed":{"api":"failed when the look ended, for too short a time to tell: instance i-1 answers 503: 3 answers in a row since t0"},"too_few":"of 1 looks during the drain 1 showed nothing for sure, the last one because ec2:DescribeInstances: RequestLimitExceeded"}"#
        ]],
    );
}

#[test]
fn users_who_are_served_again_are_not_sent_back_for_what_cannot_be_seen_inside() {
    let back = |n| match n {
        0..3 => shut(),
        3..6 => unseen(well()),
        _ => well(),
    };
    check(
        Before::Well,
        back,
        expect![[
            r#"look 7: {"outcome":"well","looks":1,"not_made":0,"noticed":{"api":"came back: api.stage.myproj.com:8080/healthz: 54.0.0.1 answers 400: 3 answers in a row since t0"}}"#
        ]],
    );
}
