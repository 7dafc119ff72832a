//! Whether instances are well: what was seen of each, and what follows from it.
//!
//! A service is asked at its instance's own address, not by its name: so what is seen is that
//! instance, and no resolver remembers anything. The request's `Host` is that address and port.
//! Only 200 counts; a redirect is an answer like any other and is not followed.

use crate::ends::LastEnd;
use crate::names::Fqdn;
use crate::outside::is_too_many;
use crate::rows::CandidateRow;
use crate::wire::Instance;
use std::fmt;
use std::time::Duration;

/// What is left until a candidate has been healthy for as long as its manifest says, from the first
/// look at it to the last: a component that ends sooner than that is noticed before it meets users.
/// `healthy` is how long ago the first look was; where that is not known, or to come by a clock that
/// differs, it was now. What a roll-back takes over has been live, and is not waited for.
pub fn settles_in(row: &CandidateRow, healthy: Option<Duration>) -> Duration {
    let Some(recipe) = row.recipe.as_ref().filter(|_| row.launched_by.is_none()) else {
        return Duration::ZERO;
    };
    let run = recipe.manifest.run.as_ref();
    let wanted = run.map_or(Duration::ZERO, |run| run.healthy_for.duration());
    wanted.saturating_sub(healthy.unwrap_or_default())
}

/// Where a service is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The instance's own.
    pub address: String,
    /// Its manifest's.
    pub port: u16,
    /// Its manifest's health path.
    pub path: String,
}

impl Place {
    /// Of an instance of this row; `None` where the row does not say what it was booted from.
    pub fn of(row: &CandidateRow, instance: &Instance) -> Option<Self> {
        let run = row.recipe.as_ref()?.manifest.run.as_ref()?;
        Some(Self {
            address: instance.address.clone(),
            port: run.port.number(),
            path: run.health.as_str().to_owned(),
        })
    }

    /// What is asked.
    pub fn url(&self) -> String {
        format!("http://{}:{}{}", self.address, self.port, self.path)
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// This status, by the service itself.
    Status(u16),
    /// The machine is there, and no process listens at that address and port.
    NothingListens,
    /// A connection or its answer did not come in time.
    TooSlow,
    /// The connection ended before an answer.
    BrokenOff,
    /// No machine has the address, or no way leads there.
    Unreachable,
    /// Something on the way answered in the service's place: which, and what it said.
    OnTheWay(String),
}

impl Answer {
    /// Whether the service is healthy.
    pub fn is_healthy(&self) -> bool {
        *self == Self::Status(200)
    }

    /// What a proxy's answer says of the service behind it.
    ///
    /// A proxy that made the answer itself says why in `Proxy-Status`
    /// ([RFC 9209](https://www.rfc-editor.org/rfc/rfc9209#section-2.3)). Without an `error` in it
    /// the answer is the service's.
    pub fn through_proxy(status: u16, proxy_status: Option<&str>) -> Self {
        let Some(error) = proxy_status.and_then(error_in) else {
            return Self::Status(status);
        };
        match error {
            "connection_refused" => Self::NothingListens,
            "connection_timeout" | "connection_read_timeout" | "http_response_timeout" => {
                Self::TooSlow
            }
            "connection_terminated" | "http_response_incomplete" => Self::BrokenOff,
            "destination_not_found"
            | "destination_unavailable"
            | "destination_ip_unroutable"
            | "dns_error" => Self::Unreachable,
            other => {
                let other: String = other.chars().take(60).collect();
                Self::OnTheWay(format!("a proxy answers {status} ({other})"))
            }
        }
    }
}

/// As a predicate: "i-1 answers 503".
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "answers {status}"),
            Self::NothingListens => {
                f.write_str("has nothing that listens on its address (127.0.0.1 is not enough)")
            }
            Self::TooSlow => f.write_str("does not answer within 5 s"),
            Self::BrokenOff => f.write_str("ends the connection without an answer"),
            Self::Unreachable => f.write_str("cannot be reached"),
            Self::OnTheWay(what) => write!(f, "does not answer itself: {what}"),
        }
    }
}

/// The parameter `error` of the last member that has one: of the proxy nearest to whoever asked.
fn error_in(proxy_status: &str) -> Option<&str> {
    let parameters = proxy_status.split([';', ',']).map(str::trim);
    parameters
        .filter_map(|parameter| parameter.strip_prefix("error="))
        .next_back()
}

/// How often a component may have ended since it was found healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tolerates {
    /// A candidate goes live only if it never did.
    NoEnd,
    /// What went live a moment ago and is up again may have once: taking it back costs more.
    OneEnd,
    /// What has been live for long may have ended at any time before.
    AnyEnd,
    /// The same of what users are sent back to, because what they have fails them: half of it is enough, since
    /// the keeper replaces the rest.
    AnyEndOfHalf,
}

impl Tolerates {
    /// Whether ends are not looked at.
    pub fn any_end(self) -> bool {
        matches!(self, Self::AnyEnd | Self::AnyEndOfHalf)
    }

    /// Whether users can be served though so many of several are not well.
    fn is_enough(self, bad: usize, of: usize) -> bool {
        match self {
            Self::NoEnd | Self::AnyEnd => false,
            Self::OneEnd => !is_too_many(bad, of),
            Self::AnyEndOfHalf => bad * 2 <= of,
        }
    }
}

/// What an instance has told of its component's ends since it was found healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// None.
    NoEnd,
    /// So many, and the last of them.
    Ended(u32, LastEnd),
    /// Something that cannot be read.
    Unreadable,
}

impl Since {
    /// Of what an instance has told by now, and how many ends it had told when it was found healthy.
    pub fn of(told: Option<&str>, before: u32) -> Self {
        let Some(told) = told else {
            return Self::NoEnd;
        };
        match LastEnd::parse(told) {
            Some(last) if last.number > before => Self::Ended(last.number - before, last),
            Some(_) => Self::NoEnd,
            None => Self::Unreadable,
        }
    }

    /// What is wrong with it: a predicate of the component.
    fn problem(&self, tolerates: Tolerates) -> Option<String> {
        match (self, tolerates) {
            (Self::NoEnd, _) => None,
            (Self::Ended(..) | Self::Unreadable, _) if tolerates.any_end() => None,
            (Self::Ended(1, _), Tolerates::OneEnd) => None,
            (Self::Ended(times, last), _) => Some(format!(
                "has seen its component end {} since it was healthy, the last time {last}",
                match times {
                    1 => "once".to_owned(),
                    times => format!("{times} times"),
                }
            )),
            (Self::Unreadable, _) => Some("has a record of ends that cannot be read".into()),
        }
    }
}

/// What was seen of one instance at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceHealth {
    /// `i-...`
    pub id: String,
    /// As EC2 says (`running`); `None` where EC2 does not list it.
    pub state: Option<String>,
    /// What its service answered; `None` where it was not asked.
    pub answer: Option<Answer>,
    /// What it told of ends.
    pub since: Since,
}

impl InstanceHealth {
    /// What follows.
    pub fn condition(&self, tolerates: Tolerates) -> Condition {
        let id = &self.id;
        match self.state.as_deref() {
            None => return Condition::Gone(format!("instance {id} is not there any more")),
            Some("pending" | "running") => {}
            Some(state) => return Condition::Gone(format!("instance {id} is {state}")),
        }
        let ended = self.since.problem(tolerates);
        let problem = match &self.answer {
            Some(answer) if answer.is_healthy() => ended,
            Some(answer) => Some(match ended {
                Some(ended) => format!("{answer} and {ended}"),
                None => answer.to_string(),
            }),
            None => Some("could not be asked: it is not running yet".into()),
        };
        match problem {
            None => Condition::Well,
            Some(problem) => Condition::Unwell(format!("instance {id} {problem}")),
        }
    }
}

/// How a hostname's instances are, or one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All run and answer 200 on the health path.
    Well,
    /// Most of several do, and the others do not: what is wrong with these. Only of what is live, and of what users
    /// are sent back to.
    Limping(String),
    /// All run, and one does not do what it should: a predicate with its subject.
    Unwell(String),
    /// One does not run any more, or there is none.
    Gone(String),
}

impl Condition {
    /// Of all that were seen of a hostname; the worst counts. Of what is live, one that is not well beside
    /// two that are is no reason to send all users elsewhere; nor is one beside one that is, to leave them with what
    /// fails them. Where those that are gone would be borne alone, what is wrong is the others: they may come back.
    pub fn of(at: &Fqdn, sights: &[InstanceHealth], tolerates: Tolerates) -> Self {
        if sights.is_empty() {
            return Self::Gone(format!("the table has no instance of {at}"));
        }
        let (mut gone, mut unwell) = (Vec::new(), Vec::new());
        for condition in sights.iter().map(|one| one.condition(tolerates)) {
            match condition {
                Self::Gone(why) => gone.push(why),
                Self::Unwell(why) => unwell.push(why),
                Self::Well | Self::Limping(_) => {}
            }
        }
        let (bad, all) = (gone.len() + unwell.len(), sights.len());
        let gone_is_borne = tolerates.is_enough(gone.len(), all);
        let (gone, unwell) = (gone.into_iter().next(), unwell.into_iter().next());
        match (gone, unwell) {
            (None, None) => Self::Well,
            (Some(why), _) | (None, Some(why)) if tolerates.is_enough(bad, all) => {
                Self::Limping(format!("{why} ({bad} of {all} instances)"))
            }
            (Some(_), Some(why)) if gone_is_borne => {
                Self::Unwell(format!("{why} ({bad} of {all} instances)"))
            }
            (Some(why), _) => Self::Gone(why),
            (None, Some(why)) => Self::Unwell(why),
        }
    }

    /// Whether users could be sent there.
    pub fn is_well(&self) -> bool {
        matches!(self, Self::Well | Self::Limping(_))
    }

    /// Why not.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Well | Self::Limping(_) => None,
            Self::Unwell(why) | Self::Gone(why) => Some(why),
        }
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
