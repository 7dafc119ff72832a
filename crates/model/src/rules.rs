//! What the protocol consists of, so that the check can leave out one part and must then fail.

use std::fmt;

/// One mechanism of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The cutover compares and asserts what the suites ran against.
    ReadSet,
    /// A lower ticket gives way.
    Tickets,
    /// It gives way, too, to a later one that found live what it asked for.
    Confirm,
    /// For which that one changes the mark.
    ConfirmMark,
    /// Aliases are looked at right before anything is taken away.
    LastLook,
    /// CREATE fails where the record exists.
    ConditionalCreate,
    /// What depends on a release is tested beside it.
    Dependents,
    /// Every cutover changes one common record.
    Mark,
    /// A row is marked before its instances end, and whoever cannot mark it ends nothing.
    RowSwap,
    /// A roll-back takes over only a row that, as it is swapped, still says `live`.
    TakeOverLive,
    /// What makes a roll-back proven is looked at together with its read-set.
    ProvenTogether,
    /// The read-set tells a version that is back from one that never went.
    ReadSetTickets,
    /// A name is free again when its instances have ended, not when its row was marked; and who
    /// runs again ends what an earlier try marked.
    EndedThenFree,
    /// Proofs are recorded when a look has shown that what the suites ran against is still live.
    ProofsAfterLook,
    /// A hostname is taken by the release that superseded it, after that one's drain, whether or not
    /// it was ever recorded as live; not by its own.
    TakeDoomed,
    /// Discard candidates records what turns out to be live.
    RecordLive,
    /// Peer names are looked at again after the rows are marked.
    NamesAgain,
    /// Instances that are taken over get no peer names of the roll-back: they booted with others.
    NoNamesForWarm,
    /// What Plan release reserved is discarded where its answer never arrives.
    UndoPlan,
    /// A record that is being published arrives before Discard looks for the second time.
    PublishInTime,
    /// The instances of the candidates are looked at right before the batch.
    HealthLook,
    /// A candidate whose component has ended since it was healthy does not go live.
    EndsCount,
    /// What is live is looked at before what was live before is ended.
    SparePrevious,
    /// What is live and not well gives way to what was live before.
    RollBack,
    /// A roll-back moves aliases away from what failed, and from nothing else.
    BackReplaces,
    /// A roll-back goes back only while users are sent to something that failed.
    BackFailed,
    /// A roll-back decides only on a row that says what DNS says.
    OneLook,
    /// The second of two releases of the same commits moves nothing.
    SameCommits,
    /// What is called previous is another commit.
    PreviousDiffers,
    /// A record that Discard gives back is a live one's again, so that a cutover's batch that comes late
    /// does not fit any more.
    GivenBackUnfit,
    /// What a roll-back took over has its old ticket again when that is given up.
    GiveBack,
    /// A release ends the companions of earlier ones that are of no use any more.
    LeftCompanions,
    /// An update of a row that comes late does not take it back to an earlier state.
    StateOrder,
    /// A record that comes when its row is gone is taken by whoever takes something away next.
    LeftRecords,
    /// The sweeper waits for the drain of what is live.
    SweepDrains,
    /// It records how a release ended whose execution could not.
    SweepRecords,
    /// It gives the mark another TTL where it gives back what a roll-back by itself took over.
    OtherMark,
    /// A roll-back moves only to what is still its own at its last look.
    StillOwn,
    /// The keeper ends what it has launched and comes too late.
    KeepStrays,
    /// It notes what it launches before it does.
    KeepNotes,
    /// Of two keepers that have read the same notes, one writes.
    KeepTurns,
    /// Its records change only as they were seen.
    KeepSwap,
    /// It sends users only to instances that run.
    KeepRuns,
    /// It leaves a release that runs the time to go back.
    KeepStandsBack,
    /// What can still serve ends when nobody remembers its address.
    KeepLeft,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 45] = [
        Rule::ReadSet,
        Rule::Tickets,
        Rule::Confirm,
        Rule::ConfirmMark,
        Rule::LastLook,
        Rule::ConditionalCreate,
        Rule::Dependents,
        Rule::Mark,
        Rule::RowSwap,
        Rule::TakeOverLive,
        Rule::ProvenTogether,
        Rule::ReadSetTickets,
        Rule::EndedThenFree,
        Rule::ProofsAfterLook,
        Rule::TakeDoomed,
        Rule::RecordLive,
        Rule::NamesAgain,
        Rule::NoNamesForWarm,
        Rule::UndoPlan,
        Rule::PublishInTime,
        Rule::HealthLook,
        Rule::EndsCount,
        Rule::SparePrevious,
        Rule::RollBack,
        Rule::BackReplaces,
        Rule::BackFailed,
        Rule::OneLook,
        Rule::SameCommits,
        Rule::PreviousDiffers,
        Rule::GivenBackUnfit,
        Rule::GiveBack,
        Rule::LeftCompanions,
        Rule::StateOrder,
        Rule::LeftRecords,
        Rule::SweepDrains,
        Rule::SweepRecords,
        Rule::OtherMark,
        Rule::StillOwn,
        Rule::KeepStrays,
        Rule::KeepNotes,
        Rule::KeepTurns,
        Rule::KeepSwap,
        Rule::KeepRuns,
        Rule::KeepStandsBack,
        Rule::KeepLeft,
    ];
}

impl Rule {
    fn of_the_keeper(&self) -> &'static str {
        match self {
            Rule::KeepStrays => "ending replacements that come too late",
            Rule::KeepNotes => "noting what the keeper launches before it does",
            Rule::KeepTurns => "one writer of the keeper's notes",
            Rule::KeepSwap => "the compare-and-swap of the keeper's records",
            Rule::KeepRuns => "the keeper's look whether an instance runs",
            Rule::KeepStandsBack => "leaving a release the time to go back",
            Rule::KeepLeft => "letting run what has left its record a moment ago",
            _ => unreachable!("named before"),
        }
    }
}

/// As a report names it: "without ...".
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rule::ReadSet => "the read-set",
            Rule::Tickets => "the ticket rule",
            Rule::Confirm => "the note that what is live was asked for again",
            Rule::ConfirmMark => "another mark where what is live was asked for again",
            Rule::LastLook => "the last look at the aliases",
            Rule::ConditionalCreate => "the conditional create",
            Rule::Dependents => "the dependents' suites",
            Rule::Mark => "the cutover mark",
            Rule::RowSwap => "the rows' compare-and-swap",
            Rule::TakeOverLive => "taking over only what is live",
            Rule::ProvenTogether => "one look for proof and read-set",
            Rule::ReadSetTickets => "tickets in the read-set",
            Rule::EndedThenFree => "keeping a name until its instances have ended",
            Rule::ProofsAfterLook => "recording proofs only after the look",
            Rule::TakeDoomed => "leaving a hostname to whoever superseded it",
            Rule::RecordLive => "recording what is live after all",
            Rule::NamesAgain => "a second look for peer names",
            Rule::NoNamesForWarm => "leaving out the peer names of what is taken over",
            Rule::UndoPlan => "the undo of Plan release",
            Rule::PublishInTime => "publishing in time (assumed)",
            Rule::HealthLook => "the look at the candidates before the batch",
            Rule::EndsCount => "counting a candidate's ends",
            Rule::SparePrevious => "sparing the previous of what is not well",
            Rule::RollBack => "going back from what is not well",
            Rule::BackReplaces => "going back from what failed only",
            Rule::BackFailed => "going back only while what failed is live",
            Rule::OneLook => "one look for DNS and rows",
            Rule::SameCommits => "looking whether the same commits are live",
            Rule::PreviousDiffers => "keeping the previous of the same commit",
            Rule::GivenBackUnfit => "making a record unfit that is given back",
            Rule::GiveBack => "giving back what was taken over as it was",
            Rule::LeftCompanions => "ending the companions that others left",
            Rule::StateOrder => "the order of a row's states",
            Rule::LeftRecords => "taking records that came late",
            Rule::SweepDrains => "the sweeper's wait for a drain",
            Rule::SweepRecords => "recording how a stopped release ended",
            Rule::StillOwn => "looking whether what was taken over is still one's own",
            Rule::OtherMark => "another mark where a stopped roll-back is given up",
            keeper => keeper.of_the_keeper(),
        })
    }
}

/// Which mechanisms there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rules(u64);

impl Rules {
    /// The whole protocol.
    pub const WHOLE: Rules = Rules(u64::MAX);

    /// Without one of them.
    pub fn without(self, rule: Rule) -> Self {
        Self(self.0 & !(1 << rule as u64))
    }

    /// Whether it is there.
    pub fn keep(self, rule: Rule) -> bool {
        self.0 & (1 << rule as u64) != 0
    }
}
