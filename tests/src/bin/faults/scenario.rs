//! What is done while faults are injected.

/// A kind of release, or of what stands beside releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// One component's next version.
    One,
    /// One whose suite fails.
    Failing,
    /// One that another depends on: it has a companion.
    Peers,
    /// A roll-back to what is launched again.
    Back,
    /// A roll-back to what still drains.
    Warm,
    /// Two at once, of which one talks to the other.
    Two,
    /// What is live, launched again.
    Restart,
    /// What is live, asked for once more while a newer version is on its way.
    Again,
    /// One that fails its users after its cutover, and is rolled back by itself.
    Bake,
    /// A sweep of what a release has left that was stopped in its suites, a companion among it.
    Sweeper,
    /// A sweep of what a release has left that was stopped in its drain.
    Undrained,
    /// The only instance of a component has died.
    Keeper,
    /// A component's first release: nothing was live before.
    First,
    /// A new target.
    Provision,
    /// The end of a target on which a component is live.
    Teardown,
}

/// What does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Release,
    Sweep,
    Keep,
    Target,
}

impl Scenario {
    pub const ALL: [Self; 15] = [
        Self::One,
        Self::Failing,
        Self::Peers,
        Self::Back,
        Self::Warm,
        Self::Two,
        Self::Restart,
        Self::Again,
        Self::Bake,
        Self::Sweeper,
        Self::Undrained,
        Self::Keeper,
        Self::First,
        Self::Provision,
        Self::Teardown,
    ];

    pub fn sort(self) -> Sort {
        match self {
            Self::Sweeper | Self::Undrained => Sort::Sweep,
            Self::Keeper => Sort::Keep,
            Self::Provision | Self::Teardown => Sort::Target,
            _ => Sort::Release,
        }
    }

    /// How many do it at once; they mostly wait. What has a target of its own is bounded by VPCs.
    pub fn at_once(self) -> u64 {
        match (self, self.sort()) {
            // They wait for a drain, or for a bake.
            (Self::Warm | Self::Bake, _) => 20,
            (Self::First, _) | (_, Sort::Sweep | Sort::Keep) => 8,
            (_, Sort::Release) => 12,
            (_, Sort::Target) => 6,
        }
    }

    /// How many components it brings: the first ones of its ground.
    pub fn brings(self) -> usize {
        match self {
            Self::Two => 2,
            _ => 1,
        }
    }

    /// Whether it has one that talks to the first.
    pub fn has_a_user(self) -> bool {
        matches!(self, Self::Peers | Self::Two | Self::Sweeper)
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Failing => "failing",
            Self::Peers => "peers",
            Self::Back => "back",
            Self::Warm => "warm",
            Self::Two => "two",
            Self::Restart => "restart",
            Self::Again => "again",
            Self::Bake => "bake",
            Self::Sweeper => "sweeper",
            Self::Undrained => "undrained",
            Self::Keeper => "keeper",
            Self::First => "first",
            Self::Provision => "provision",
            Self::Teardown => "teardown",
        }
    }
}
