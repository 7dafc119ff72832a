//! What only the keeper looks at and does.

use crate::Keeper;
use fleet::{Launch, Launched};
use futures::{StreamExt, stream};
use pipeline::drivers::{Answer, Ask, KeepAnswer, KeepAsk};
use pipeline::errors::{ErrorName, Fault, Named as _};
use pipeline::health;
use pipeline::keep::{Health, Machine, Replacement};
use pipeline::names::release_label;
use pipeline::rows::{CandidateRow, Key};
use pipeline::target;
use pipeline::wire::{Instance, Release};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Services that are asked at the same time.
const AT_ONCE: usize = 32;

/// What EC2 says where another subnet may do: its zone has no such machine, or none at this moment
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>).
const ELSEWHERE: [&str; 3] = [
    "InsufficientInstanceCapacity",
    "InsufficientFreeAddressesInSubnet",
    "Unsupported",
];

impl Keeper {
    pub async fn answer(&self, release: &Release, ask: Ask) -> Result<Answer, Fault> {
        let target = &release.target;
        let registry = &self.drive.registry;
        let ask = match ask {
            Ask::Executions(these) => {
                return Ok(Answer::Executions(self.executions.how(these).await?));
            }
            Ask::Keep(ask) => ask,
            other => return Err(drive::not_answered(&other)),
        };
        Ok(Answer::Keep(match ask {
            KeepAsk::Notes => {
                let notes = registry.get(&Key::keeper(target)).await?;
                KeepAnswer::Notes(Box::new(notes.unwrap_or_default()))
            }
            KeepAsk::Note(turn, notes) => {
                KeepAnswer::Noted(registry.note(target, turn, &notes).await?)
            }
            KeepAsk::Look(rows) => self.look(release, &rows).await?,
            KeepAsk::Launch(one) => {
                self.launch(release, &one).await?;
                return Ok(Answer::Done);
            }
            KeepAsk::Record(new) => {
                KeepAnswer::Noted(registry.record_instances(target, &new).await?)
            }
        }))
    }

    async fn look(
        &self,
        release: &Release,
        rows: &[Arc<CandidateRow>],
    ) -> Result<KeepAnswer, Fault> {
        let seen = self.fleet.machines_of(&release.project, &release.target);
        let seen = seen.await?;
        let rows: BTreeMap<(String, &str), &CandidateRow> = rows
            .iter()
            .map(|row| {
                let label = release_label(&release.target, row.launched());
                ((label, row.hostname.as_str()), row.as_ref())
            })
            .collect();
        let ask = async |one: Machine| {
            let row = rows.get(&(one.release.clone(), one.name.as_str()));
            let health = match row {
                Some(row) => self.health(row, &one).await,
                None => Health::Unknown,
            };
            Machine { health, ..one }
        };
        let machines = stream::iter(seen).map(ask).buffer_unordered(AT_ONCE);
        let mut machines: Vec<Machine> = machines.collect().await;
        machines.sort_by(|one, other| one.id.cmp(&other.id));
        let at = aws::seconds(&aws::now()).unwrap_or_default();
        Ok(KeepAnswer::Machines(machines, at))
    }

    async fn health(&self, row: &CandidateRow, one: &Machine) -> Health {
        let address = one.address.clone().filter(|_| one.state == "running");
        let instance = address.map(|address| Instance {
            id: one.id.clone(),
            address,
        });
        let place = instance.and_then(|instance| health::Place::of(row, &instance));
        let Some(place) = place else {
            return Health::Unknown;
        };
        match self.prober.ask(&place).await {
            answer if answer.is_healthy() => Health::Well,
            health::Answer::OnTheWay(_) => Health::Unknown,
            answer => Health::Ill(answer.to_string()),
        }
    }

    /// Launches, then looks: a target that is closed in that moment is cleared after it, or this one sees it and
    /// ends what it has launched.
    async fn launch(&self, release: &Release, one: &Replacement) -> Result<(), Fault> {
        self.is_open(release).await?;
        let launched = self.launch_somewhere(release, one).await?;
        tracing::info!(?launched, replaces = one.replaces, "launched");
        if let Err(closing) = self.is_open(release).await {
            self.fleet.terminate(&launched).await?;
            return Err(closing);
        }
        Ok(())
    }

    async fn is_open(&self, release: &Release) -> Result<(), Fault> {
        let target = &release.target;
        let row = self.drive.registry.get(&Key::environment(target)).await?;
        let open = target::open(target, row);
        open.map(drop)
            .map_err(|why| Fault::new(why.name(), why.to_string()))
    }

    /// In the subnet that it is chosen for, or in another where that one has no room. Each try begins with the next:
    /// what does not become well may be in a zone that is not well.
    async fn launch_somewhere(
        &self,
        release: &Release,
        one: &Replacement,
    ) -> Result<Vec<String>, Fault> {
        let subnets = &release.subnet_ids;
        let first = one.place + one.attempt as usize;
        let mut last = format!(
            "target {} has no subnets recorded; deploy infra/target.yaml again",
            release.target
        );
        for n in 0..subnets.len() {
            let subnet = &subnets[(first + n) % subnets.len()];
            match self.launch_in(release, one, subnet).await {
                Err(error) if ELSEWHERE.iter().any(|code| error.is(code)) => {
                    last = error.to_string();
                }
                Ok(Launched::Up(seen)) => return Ok(seen.into_iter().map(|one| one.id).collect()),
                // It was launched before and has ended: the next look finds no other, and asks for one.
                Ok(Launched::EndedAlready) => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Fault::new(ErrorName::CallRefused, last))
    }

    async fn launch_in(
        &self,
        release: &Release,
        one: &Replacement,
        subnet_id: &str,
    ) -> Result<Launched, aws::CallError> {
        let tags = BTreeMap::from(
            [
                ("Name", one.hostname.to_string()),
                ("cutover:project", release.project.to_string()),
                ("cutover:target", release.target.to_string()),
                ("cutover:component", one.component.to_string()),
                ("cutover:commit", one.commit.clone()),
                ("cutover:release", one.release.clone()),
                ("cutover:port", one.port.to_string()),
                (
                    "cutover:launch-template",
                    format!("{}:{}", release.launch_template_id, one.version),
                ),
                ("cutover:replaces", one.replaces.clone()),
            ]
            .map(|(key, value)| (key.to_owned(), value)),
        );
        let launch = Launch {
            template_id: &release.launch_template_id,
            version: &one.version,
            subnet_id,
            count: 1,
            token: hex::encode(Sha256::digest(one.token_of(subnet_id))),
            tags: &tags,
        };
        self.fleet.launch(&launch).await
    }
}
