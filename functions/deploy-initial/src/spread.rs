//! Spreads new instances over the target's subnets.

use crate::{Deployer, gone};
use aws::{CallError, CallKind};
use fleet::{
    Launch, Launched, Seen, Tagged, Tries, first_subnet, has_no_room, in_turn, no_subnets, token,
};
use pipeline::errors::{ErrorName, Fault, Named};
use pipeline::rows::CandidateRow;
use pipeline::wire::DeployRequest;
use std::collections::BTreeMap;

/// How often instances are launched that end before the stage is through.
const LAUNCHES: u32 = 3;

/// Instances that are launched together.
struct Share<'a> {
    /// What their tags say.
    of: Tagged<'a>,
    /// The subnet that was chosen for them: by it they are known.
    chosen: &'a str,
    count: usize,
}

/// By the subnet that was chosen: in which one a share is launched instead, as the row notes it.
type Elsewhere = BTreeMap<String, String>;

impl Deployer {
    /// As many in each subnet, but for the rest.
    pub(crate) async fn spread(
        &self,
        request: &DeployRequest,
        row: CandidateRow,
        (wanted, version): (usize, &str),
    ) -> Result<Vec<Seen>, Fault> {
        let DeployRequest { release, item, .. } = request;
        let subnets = &release.subnet_ids;
        if subnets.is_empty() {
            return Err(no_subnets(&release.target));
        }
        let planned = &item.planned;
        let (label, hostname) = (release.label(), planned.stands_at()?.as_str());
        let of = Tagged {
            release,
            label: &label,
            hostname,
            component: &planned.component,
            commit: planned.commit.as_str(),
            port: item.manifest.service()?.port.number(),
            version,
            replaces: None,
        };
        let mut elsewhere = row.elsewhere;
        let mut seen = Vec::new();
        let first = first_subnet(hostname, subnets.len());
        // One after the other: what was launched is known where the next is refused.
        for (n, chosen) in in_turn(subnets, first).enumerate() {
            let count = wanted / subnets.len() + usize::from(n < wanted % subnets.len());
            if count > 0 {
                let share = Share { of, chosen, count };
                seen.extend(self.launch_share(request, &share, &mut elsewhere).await?);
            }
        }
        Ok(seen)
    }

    /// In the subnet that was chosen, or in the next where that one has no room.
    ///
    /// Which one is tried is noted before, and whoever tries again begins there: in all others EC2 has refused this
    /// share, so it has launched nothing. An example: the first try is refused in a, notes b, launches there and its
    /// answer is lost. By now a has room, and EC2 does not list the new instance yet. The second try asks in b with
    /// the same token, and is answered the same instance.
    async fn launch_share(
        &self,
        request: &DeployRequest,
        share: &Share<'_>,
        elsewhere: &mut Elsewhere,
    ) -> Result<Vec<Seen>, Fault> {
        let subnets = &request.release.subnet_ids;
        let tried = elsewhere.get(share.chosen).map(String::as_str);
        let tried = tried.unwrap_or(share.chosen);
        let first = subnets.iter().position(|one| one == tried);
        let mut refused = Vec::new();
        // One after the other: the next is asked only where this one has no room.
        for subnet_id in in_turn(subnets, first.unwrap_or_default()) {
            if !refused.is_empty() {
                elsewhere.insert(share.chosen.to_owned(), subnet_id.to_owned());
                self.note(request, elsewhere).await?;
            }
            match self.launch(&share.launch_in(subnet_id)).await {
                Ok(Launched::Up(seen)) => return Ok(seen),
                Ok(Launched::EndedAlready) => return Err(ended(share, subnet_id)),
                Err(error) if has_no_room(&error) => {
                    tracing::info!(subnet_id, %error, "another subnet may do");
                    refused.push((subnet_id, error));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(refused_everywhere(share, &refused))
    }

    async fn note(&self, request: &DeployRequest, elsewhere: &Elsewhere) -> Result<(), Fault> {
        let (release, hostname) = (&request.release, request.item.planned.stands_at()?);
        let noted = self.registry.note_elsewhere(release, hostname, elsewhere);
        match noted.await? {
            true => Ok(()),
            false => Err(gone(release, hostname.as_str())),
        }
    }

    /// An earlier try of this stage may have launched instances that have ended since; its token
    /// would only answer those, for a day. So others are launched with a token of their own.
    async fn launch(&self, launch: &Launch<'_>) -> Result<Launched, CallError> {
        let mut launch = launch.clone();
        for _ in 0..LAUNCHES {
            match self.fleet.launch(&launch).await? {
                Launched::Up(seen) => return Ok(Launched::Up(seen)),
                Launched::EndedAlready => launch.token = token_of(&[&launch.token, "again"]),
            }
        }
        Ok(Launched::EndedAlready)
    }
}

impl<'a> Share<'a> {
    fn launch_in(&self, subnet_id: &'a str) -> Launch<'a> {
        Launch {
            of: self.of,
            subnet_id,
            count: self.count as i32,
            token: self.token_in(subnet_id),
            tries: Tries::Here,
        }
    }

    /// One for each share and subnet: two shares may be launched in one subnet.
    fn token_in(&self, subnet_id: &str) -> String {
        let (release, label, hostname) = (self.of.release, self.of.label, self.of.hostname);
        let of = [&release.execution, label, hostname, subnet_id];
        match subnet_id == self.chosen {
            true => token_of(&of),
            false => token_of(&[&of, [self.chosen].as_slice()].concat()),
        }
    }
}

pub(crate) fn token_of(parts: &[&str]) -> String {
    token(&parts.join("\n"))
}

fn ended(share: &Share, subnet_id: &str) -> Fault {
    Fault::new(
        ErrorName::NotHealthy,
        format!(
            "{}: its instances in {subnet_id} ended {LAUNCHES} times before they were healthy; the EC2 console shows why",
            share.of.what()
        ),
    )
}

/// Named for what passes by itself, if any of them does: then the stage is tried again.
fn refused_everywhere(share: &Share, refused: &[(&str, CallError)]) -> Fault {
    let passes = |(_, error): &&(&str, CallError)| error.kind == CallKind::Unavailable;
    let told = refused.iter().find(passes).or(refused.last());
    let name = told.map_or(ErrorName::Unavailable, |(_, error)| error.name());
    let each = refused
        .iter()
        .map(|(subnet, error)| format!("{subnet}: {error}"));
    Fault::new(
        name,
        format!(
            "{}: no subnet of {} has room for its instances; {}; release it again later, or choose another InstanceType",
            share.of.what(),
            share.of.release.target,
            each.collect::<Vec<_>>().join("; ")
        ),
    )
}
