//! What is released while faults are injected.

/// A kind of release.
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
    /// One that fails its users after its cutover, and is rolled back by itself.
    Bake,
}

impl Scenario {
    pub const ALL: [Self; 8] = [
        Self::One,
        Self::Failing,
        Self::Peers,
        Self::Back,
        Self::Warm,
        Self::Two,
        Self::Restart,
        Self::Bake,
    ];

    /// How many components it brings: the first ones of its ground.
    pub fn brings(self) -> usize {
        match self {
            Self::Two => 2,
            _ => 1,
        }
    }

    /// Whether it has one that talks to the first.
    pub fn has_a_user(self) -> bool {
        matches!(self, Self::Peers | Self::Two)
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
            Self::Bake => "bake",
        }
    }
}
