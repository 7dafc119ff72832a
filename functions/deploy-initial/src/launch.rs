//! Launches what is missing, and only that: the stage may run twice.

use crate::Deployer;
use crate::spread::token_of;
use base64::Engine;
use fleet::{NewVersion, Seen};
use pipeline::boot::{Boot, user_data};
use pipeline::errors::{ErrorName, Fault};
use pipeline::rows::CandidateRow;
use pipeline::suites::peer_environment;
use pipeline::wire::{Artifact, DeployRequest, LaunchOutcome};

impl Deployer {
    /// The launch template version, the instances and what was done for them.
    pub(crate) async fn instances(
        &self,
        request: &DeployRequest,
        row: CandidateRow,
    ) -> Result<(String, Vec<Seen>, LaunchOutcome), Fault> {
        let DeployRequest { release, item, .. } = request;
        if row.launched() != release.ticket {
            return self.taken_over(row).await;
        }
        let wanted = match item.planned.companion {
            true => 1, // it is there to be tested, not to bear load
            false => usize::from(item.manifest.service()?.instances.number()),
        };
        let hostname = item.planned.stands_at()?.as_str();
        let up: Vec<Seen> = self
            .fleet
            .of_release(&release.label(), hostname)
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
        let version = self.template_version(request).await?;
        if up.len() == wanted {
            return Ok((version, up, LaunchOutcome::AlreadyLaunched));
        }
        let seen = self.spread(request, row, (wanted, &version)).await?;
        Ok((version, seen, LaunchOutcome::Launched))
    }

    /// What a roll-back takes over: its row says which, and Plan release has judged those. Others have the same tags: what
    /// the keeper has replaced, as long as users may remember it.
    async fn taken_over(
        &self,
        row: CandidateRow,
    ) -> Result<(String, Vec<Seen>, LaunchOutcome), Fault> {
        let ids: Vec<String> = row.instances.iter().map(|one| one.id.clone()).collect();
        let mut seen = self.fleet.by_id(&ids).await?;
        seen.retain(Seen::is_up);
        let is_up = |id: &&String| seen.iter().any(|one| one.id == **id);
        let gone: Vec<&str> = ids
            .iter()
            .filter(|id| !is_up(id))
            .map(String::as_str)
            .collect();
        match gone.is_empty() && !ids.is_empty() {
            true => {
                let how = LaunchOutcome::AlreadyLaunched;
                Ok((row.launch_template_version, seen, how))
            }
            false => Err(taken_over_too_late(row.hostname.as_str(), &gone)),
        }
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

fn taken_over_too_late(hostname: &str, gone: &[&str]) -> Fault {
    let gone = match gone {
        [] => "no instance of it is recorded".to_owned(),
        gone => format!(
            "not all of its instances run any more ({})",
            gone.join(", ")
        ),
    };
    let text =
        format!("{hostname}: {gone}, so it is not taken over; roll back again to launch it anew");
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
