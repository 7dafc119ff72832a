//! Launches what is missing, and only that: the stage may run twice.

use crate::Deployer;
use base64::Engine;
use fleet::{Launch, Launched, NewVersion, Seen, Tagged, Tries, no_subnets, token};
use pipeline::boot::{Boot, user_data};
use pipeline::errors::{ErrorName, Fault};
use pipeline::names::release_label;
use pipeline::rows::CandidateRow;
use pipeline::suites::peer_environment;
use pipeline::wire::{Artifact, DeployRequest, LaunchOutcome};

/// How often instances are launched that end before the stage is through.
const LAUNCHES: u32 = 3;

impl Deployer {
    /// The launch template version, the instances and what was done for them.
    pub(crate) async fn instances(
        &self,
        request: &DeployRequest,
        row: CandidateRow,
    ) -> Result<(String, Vec<Seen>, LaunchOutcome), Fault> {
        let DeployRequest { release, item, .. } = request;
        let wanted = match item.planned.companion {
            true => 1, // it is there to be tested, not to bear load
            false => usize::from(item.manifest.service()?.instances.number()),
        };
        let hostname = item.planned.stands_at()?.as_str();
        // Instances that a roll-back takes over have the tags of the release that launched them.
        let label = release_label(&release.target, row.launched());
        let up: Vec<Seen> = self
            .fleet
            .of_release(&label, hostname)
            .await?
            .into_iter()
            .filter(Seen::is_up)
            .collect();
        if up.len() == wanted && !row.launch_template_version.is_empty() {
            return Ok((
                row.launch_template_version,
                up,
                LaunchOutcome::AlreadyLaunched,
            ));
        }
        if row.launched() != release.ticket {
            return Err(taken_over_too_late(hostname));
        }
        let version = self.template_version(request).await?;
        if up.len() == wanted {
            return Ok((version, up, LaunchOutcome::AlreadyLaunched));
        }
        let seen = self.spread(request, wanted, &version).await?;
        Ok((version, seen, LaunchOutcome::Launched))
    }

    /// As many in each subnet, but for the rest.
    async fn spread(
        &self,
        request: &DeployRequest,
        wanted: usize,
        version: &str,
    ) -> Result<Vec<Seen>, Fault> {
        let DeployRequest { release, item, .. } = request;
        let (subnets, target) = (&release.subnet_ids, &release.target);
        if subnets.is_empty() {
            return Err(no_subnets(target));
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
        let mut seen = Vec::new();
        // One after the other: what was launched is known where the next is refused.
        for (n, subnet_id) in subnets.iter().enumerate() {
            let count = wanted / subnets.len() + usize::from(n < wanted % subnets.len());
            if count == 0 {
                continue;
            }
            let launch = Launch {
                of,
                subnet_id,
                count: count as i32,
                token: token_of(&[&release.execution, &label, hostname, subnet_id]),
                tries: Tries::Here,
            };
            seen.extend(self.launch(request, launch).await?);
        }
        Ok(seen)
    }

    /// An earlier try of this stage may have launched instances that have ended since; its token
    /// would only answer those, for a day. So others are launched with a token of their own.
    async fn launch(
        &self,
        request: &DeployRequest,
        mut launch: Launch<'_>,
    ) -> Result<Vec<Seen>, Fault> {
        for _ in 0..LAUNCHES {
            match self.fleet.launch(&launch).await? {
                Launched::Up(seen) => return Ok(seen),
                Launched::EndedAlready => launch.token = token_of(&[&launch.token, "again"]),
            }
        }
        let planned = &request.item.planned;
        Err(Fault::new(
            ErrorName::NotHealthy,
            format!(
                "{} at {}: its instances in {} ended {LAUNCHES} times before they were healthy; the EC2 console shows why",
                planned.component,
                planned.commit.short(),
                launch.subnet_id
            ),
        ))
    }

    async fn template_version(&self, request: &DeployRequest) -> Result<String, Fault> {
        let DeployRequest {
            release,
            item,
            peers,
        } = request;
        let planned = &item.planned;
        let pins = item.vendor.iter();
        let vendor = pins.map(|pin| Ok((&pin.library, pin.artifact()?)));
        let vendor = vendor.collect::<Result<Vec<_>, Fault>>()?;
        let boot = Boot {
            release,
            component: &planned.component,
            commit: &planned.commit,
            run: item.manifest.service()?,
            artifact: artifact(request)?,
            vendor: &vendor,
            bucket: &self.settings.bucket,
            region: &self.region,
            peers: &peer_environment(item.manifest.component.peers.iter().cloned(), &peers.urls),
        };
        let script =
            user_data(&boot).map_err(|e| Fault::new(ErrorName::ManifestInvalid, e.to_string()))?;
        let encoded = base64::engine::general_purpose::STANDARD.encode(script);
        let description = format!(
            "{} {} {}{}",
            planned.component,
            planned.commit.short(),
            release.label(),
            if planned.companion { " companion" } else { "" }
        );
        let source = planned.repeats.as_ref();
        let source = source.unwrap_or(&release.launch_template_version);
        let new = NewVersion {
            description: &description,
            user_data_base64: &encoded,
            source,
            // All that the request says: a function that was updated between two tries may write
            // another script, and a token must not be used for another request.
            token: &token_of(&[&release.execution, &description, source, &encoded]),
        };
        Ok(self
            .fleet
            .create_template_version(&release.launch_template_id, &new)
            .await?)
    }
}

fn taken_over_too_late(hostname: &str) -> Fault {
    let text = format!(
        "{hostname}: not all instances from before are there any more; roll back again to launch them anew"
    );
    Fault::new(ErrorName::CandidateGone, text)
}

fn artifact(request: &DeployRequest) -> Result<&Artifact, Fault> {
    request.item.artifact.as_ref().ok_or_else(|| {
        Fault::new(
            ErrorName::ObjectMissing,
            format!(
                "{} has no artifact; Push artifacts did not run",
                request.item.planned.component
            ),
        )
    })
}

fn token_of(parts: &[&str]) -> String {
    token(&parts.join("\n"))
}
