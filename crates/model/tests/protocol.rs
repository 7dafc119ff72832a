//! The quick version of `make model`: small scenarios, whole state spaces all the same.

use model::checker::{
    BACK, CLEAN, Check, DRAINED, HEALTHY, MOVES, NEWER, PREVIOUS, PROVEN, SPARED, WELL,
};
use model::rules::Rule;
use model::suite::{fails, holds_in_short};
use model::tell::path;

#[test]
fn the_protocol_holds_whatever_comes_between_its_steps() {
    for check in holds_in_short() {
        let found = check.explore();
        if let Some((name, steps)) = &found.broken {
            panic!("not true that {name}:\n{}", path(&check, steps).join("\n"));
        }
    }
}

/// Some invariant breaks without the rule; of several, the one with the shortest path is told.
fn check(rule: Rule, expected: &[&str]) {
    let removals = fails();
    let mut of: Vec<&Check> = removals
        .iter()
        .filter(|one| one.0 == rule)
        .map(|one| &one.1)
        .collect();
    of.sort_by_key(|check| check.scenario.programs.len());
    let (name, steps) = of[0].explore().broken.expect("it must break");
    let told = || path(of[0], &steps).join("\n");
    assert!(
        expected.contains(&name),
        "not true that {name}:\n{}",
        told()
    );
}

#[test]
fn without_the_read_set_a_set_goes_live_that_was_never_tested() {
    check(Rule::ReadSet, &[PROVEN]);
}

#[test]
fn without_the_ticket_rule_an_older_release_replaces_a_newer_one() {
    check(Rule::Tickets, &[NEWER]);
}

#[test]
fn without_a_note_an_older_release_replaces_what_was_asked_for_again() {
    check(Rule::Confirm, &[NEWER]);
}

#[test]
fn without_another_mark_a_batch_that_was_planned_before_the_note_is_applied() {
    check(Rule::ConfirmMark, &[NEWER]);
}

#[test]
fn without_the_last_look_what_is_live_is_ended() {
    // Discard candidates is kept from it by the record's TTL too, and leaves what it cannot tell from live.
    check(Rule::LastLook, &[HEALTHY, CLEAN]);
}

#[test]
fn without_the_conditional_create_one_first_deployment_overwrites_another() {
    check(Rule::ConditionalCreate, &[NEWER, PROVEN]);
}

#[test]
fn without_the_dependents_suites_they_go_on_beside_what_they_were_not_tested_with() {
    check(Rule::Dependents, &[PROVEN]);
}

#[test]
fn without_the_mark_a_newcomer_goes_live_between_a_look_and_its_batch() {
    check(Rule::Mark, &[PROVEN]);
}

#[test]
fn without_the_rows_compare_and_swap_instances_end_that_a_roll_back_took_over() {
    check(Rule::RowSwap, &[HEALTHY, CLEAN]);
}

#[test]
fn a_roll_back_that_takes_over_a_row_marked_as_gone_goes_live_on_instances_that_end() {
    check(Rule::TakeOverLive, &[HEALTHY]);
}

#[test]
fn a_roll_back_whose_proof_is_older_than_its_read_set_brings_back_what_was_never_tested() {
    check(Rule::ProvenTogether, &[PROVEN]);
}

#[test]
fn a_version_that_went_and_came_back_passes_for_one_that_stayed() {
    check(Rule::ReadSetTickets, &[PROVEN]);
}

#[test]
fn a_proof_that_is_recorded_before_the_look_says_what_never_ran() {
    check(Rule::ProofsAfterLook, &[PROVEN]);
}

#[test]
fn a_name_that_is_free_before_its_instances_have_ended_leaves_them_running() {
    check(Rule::EndedThenFree, &[CLEAN]);
}

#[test]
fn a_release_that_ends_its_own_superseded_instances_ends_them_within_the_others_drain() {
    check(Rule::TakeDoomed, &[DRAINED, CLEAN]);
}

#[test]
fn what_turns_out_to_be_live_and_is_not_recorded_is_nobodys_previous() {
    check(Rule::RecordLive, &[CLEAN]);
}

#[test]
fn two_that_end_the_last_instances_of_a_release_at_once_leave_its_peer_names() {
    check(Rule::NamesAgain, &[CLEAN]);
}

#[test]
fn peer_names_of_a_roll_back_that_launches_nothing_stay() {
    check(Rule::NoNamesForWarm, &[CLEAN]);
}

#[test]
fn without_the_undo_of_plan_release_what_it_took_over_stays() {
    check(Rule::UndoPlan, &[CLEAN]);
}

#[test]
fn a_record_that_is_published_after_all_was_discarded_stays() {
    check(Rule::PublishInTime, &[CLEAN]);
}

#[test]
fn without_the_look_before_the_batch_the_dead_goes_live() {
    check(Rule::HealthLook, &[WELL]);
}

#[test]
fn a_candidate_that_has_ended_meanwhile_passes_for_one_that_stayed_well() {
    check(Rule::EndsCount, &[WELL]);
}

#[test]
fn the_previous_of_what_died_is_ended_unless_it_is_spared() {
    check(Rule::SparePrevious, &[SPARED]);
}

#[test]
fn without_going_back_users_stay_with_the_dead() {
    check(Rule::RollBack, &[BACK]);
}

#[test]
fn a_roll_back_that_asks_not_what_it_replaces_takes_a_later_release_back() {
    check(Rule::BackReplaces, &[WELL]);
}

#[test]
fn a_roll_back_on_a_row_that_is_newer_or_older_than_dns_goes_to_another_version() {
    check(Rule::OneLook, &[PREVIOUS]);
}

#[test]
fn two_releases_of_the_same_commit_both_move_the_alias() {
    check(Rule::SameCommits, &[MOVES]);
}

#[test]
fn a_commit_that_is_called_its_own_previous_cannot_be_rolled_back() {
    check(Rule::PreviousDiffers, &[PREVIOUS]);
}

#[test]
fn a_late_batch_of_a_roll_back_that_was_given_up_goes_live_and_nobody_records_it() {
    check(Rule::GivenBackUnfit, &[CLEAN]);
}

#[test]
fn what_a_roll_back_took_over_and_does_not_give_back_as_it_was_stays() {
    check(Rule::GiveBack, &[CLEAN]);
}

#[test]
fn companions_of_a_release_that_was_stopped_stay_unless_the_next_one_ends_them() {
    check(Rule::LeftCompanions, &[CLEAN]);
}

#[test]
fn a_late_update_that_takes_a_row_back_to_an_earlier_state_makes_it_lie() {
    check(Rule::StateOrder, &[CLEAN]);
}

#[test]
fn a_record_that_came_late_stays_unless_the_next_release_takes_it() {
    check(Rule::LeftRecords, &[CLEAN]);
}

#[test]
fn a_sweeper_that_does_not_wait_for_a_drain_ends_what_resolvers_remember() {
    check(Rule::SweepDrains, &[DRAINED]);
}

#[test]
fn a_stopped_release_that_nobody_records_is_said_to_run_for_ever() {
    check(Rule::SweepRecords, &[CLEAN]);
}

#[test]
fn a_stopped_roll_back_that_goes_on_moves_users_to_what_it_has_lost() {
    check(Rule::StillOwn, &[CLEAN]);
}

#[test]
fn a_stopped_roll_back_whose_batch_comes_late_goes_live_unrecorded() {
    check(Rule::OtherMark, &[CLEAN, HEALTHY]);
}

#[test]
fn a_roll_back_whose_failure_a_later_release_has_mended_takes_what_is_well_away() {
    check(Rule::BackFailed, &[WELL]);
}
