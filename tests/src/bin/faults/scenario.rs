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
}

impl Scenario {
    pub const ALL: [Self; 4] = [Self::One, Self::Failing, Self::Peers, Self::Back];

    pub fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Failing => "failing",
            Self::Peers => "peers",
            Self::Back => "back",
        }
    }
}
