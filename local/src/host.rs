//! The instance host: makes the processes of this machine what EC2 says there should be.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::Filter;
use cutover_net::{AddressBook, Changes, Door, Instance, Line, Seen};
use tokio::process::Child;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::boot::{self, Surroundings};
use crate::cloud::reason;
use crate::error::{LocalError, Result};
use crate::imds::{Imds, Tokens};
use crate::instances::Described;
use crate::machine::GRACE;
use crate::processes::{self, Ended};
use crate::roles::Roles;
use crate::state::InstanceLine;
use crate::templates::Template;

/// How often it is seen whether anything changed; then EC2 is asked.
const LOOK: Duration = Duration::from_millis(50);
/// How often EC2 is asked while an instance cannot boot yet.
const AGAIN: Duration = Duration::from_millis(200);
/// Tags are there a moment after the instance, a busy emulator may need longer to answer.
const BOOT_TRIES: u32 = 25;

/// Everything an instance is made of; shared with the tasks that boot and end it.
#[derive(Clone)]
pub struct Host {
    ec2: Client,
    changes: Changes,
    roles: Roles,
    surroundings: Surroundings,
    book: AddressBook,
    lines: watch::Sender<Vec<InstanceLine>>,
    running: Arc<Mutex<BTreeMap<String, Running>>>,
}

#[derive(Default)]
struct Running {
    described: Described,
    state: String,
    tries: u32,
    machine: Option<Machine>,
}

/// An instance that was booted.
struct Machine {
    first_process: Child,
    line: Line,
    /// Its surroundings; they end with it.
    serving: JoinSet<()>,
}

impl Host {
    pub fn new(
        ec2: Client,
        changes: Changes,
        roles: Roles,
        surroundings: Surroundings,
        book: AddressBook,
    ) -> Self {
        let (lines, _) = watch::channel(Vec::new());
        Self {
            ec2,
            changes,
            roles,
            surroundings,
            book,
            lines,
            running: Arc::default(),
        }
    }

    /// Tells of every change in the list that `status` shows.
    pub fn lines(&self) -> watch::Receiver<Vec<InstanceLine>> {
        self.lines.subscribe()
    }

    /// Follows EC2 until told to stop, then ends every instance.
    pub async fn run(self, stop: CancellationToken) {
        let mut endings = JoinSet::new();
        while !stop.is_cancelled() {
            let seen = self.changes.now();
            match self.describe().await {
                Ok(described) => self.follow(described, &mut endings).await,
                Err(error) => tracing::warn!("instances: {}", error.chain()),
            }
            while endings.try_join_next().is_some() {}
            tokio::select! {
                () = self.changed(seen) => {}
                () = stop.cancelled() => {}
            }
        }
        self.follow(Vec::new(), &mut endings).await;
        while endings.join_next().await.is_some() {}
    }

    /// Returns when there may be something to do.
    async fn changed(&self, seen: Seen) {
        let waits = |entry: &Running| entry.machine.is_none() && entry.tries < BOOT_TRIES;
        if self.running.lock().await.values().any(waits) {
            return tokio::time::sleep(AGAIN).await;
        }
        while !self.changes.since(seen) {
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn describe(&self) -> Result<Vec<Described>> {
        let up = Filter::builder()
            .name("instance-state-name")
            .values("pending")
            .values("running")
            .build();
        let mut pages = self
            .ec2
            .describe_instances()
            .filters(up)
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(reservation) = pages.next().await {
            let reservation = reservation
                .map_err(|error| LocalError::cloud("DescribeInstances", reason(&error)))?;
            found.extend(reservation.instances().iter().filter_map(Described::read));
        }
        Ok(found)
    }

    async fn follow(&self, described: Vec<Described>, endings: &mut JoinSet<()>) {
        let ids: HashSet<String> = described
            .iter()
            .map(|instance| instance.id.clone())
            .collect();
        let mut running = self.running.lock().await;
        let gone: Vec<String> = running
            .keys()
            .filter(|id| !ids.contains(*id))
            .cloned()
            .collect();
        let mut changed = !gone.is_empty();
        for id in gone {
            if let Some(instance) = running.remove(&id) {
                tracing::info!("{id} is no longer wanted: ending it");
                endings.spawn(end(instance, self.book.clone()));
            }
        }
        for instance in described {
            let entry = running.entry(instance.id.clone()).or_default();
            changed |= entry.learn(instance, &self.book);
            if entry.machine.is_none() && entry.tries < BOOT_TRIES {
                entry.tries += 1;
                self.boot(entry).await;
                changed = true;
            }
            changed |= entry.notice_an_end();
        }
        if changed {
            let lines = running
                .values()
                .map(|entry| entry.described.line(&entry.state))
                .collect();
            self.lines.send_replace(lines);
        }
    }

    async fn boot(&self, entry: &mut Running) {
        match self.try_boot(entry).await {
            Ok(machine) => {
                tracing::info!("{} boots", entry.described.id);
                entry.machine = Some(machine);
                entry.state = "running".into();
                entry.publish(&self.book);
            }
            Err(error) => {
                let last = entry.tries == BOOT_TRIES;
                entry.state = format!(
                    "{}: {}",
                    if last { "did not boot" } else { "pending" },
                    error.chain()
                );
                if last {
                    tracing::warn!("{} {}", entry.described.id, entry.state);
                }
            }
        }
    }

    async fn try_boot(&self, entry: &Running) -> Result<Machine> {
        let instance = &entry.described;
        let address = instance
            .private_ip
            .ok_or_else(|| LocalError::Refused("EC2 gave it no private address".into()))?;
        let version = instance.template().ok_or_else(|| {
            LocalError::Refused(
                "it has no tag cutover:launch-template (template:version) to boot by".into(),
            )
        })?;
        let template = Template::fetch(&self.ec2, &version).await?;
        let role = match &template.profile {
            Some(profile) => Some(self.roles.of_profile(profile).await?),
            None => None,
        };
        let user_data = template.user_data.clone();
        let (line, inside) = Line::new().map_err(LocalError::io("no line to the instance"))?;
        let root = &self.surroundings.root;
        let first_process = boot::start(root, &instance.id, address, &user_data, inside)?;
        let imds = Imds {
            instance: instance.clone(),
            role,
            roles: self.roles.clone(),
            user_data,
            tokens: Tokens::default(),
        };
        let mut serving = JoinSet::new();
        serving.spawn(surround(line.clone(), self.surroundings.clone(), imds));
        Ok(Machine {
            first_process,
            line,
            serving,
        })
    }
}

async fn surround(line: Line, surroundings: Surroundings, imds: Imds) {
    let id = imds.instance.id.clone();
    if let Err(error) = boot::serve(line, surroundings, imds).await {
        tracing::warn!("{id} has no network: {error}; see its console.log");
    }
}

impl Running {
    /// Takes what EC2 says; tags may come a moment after the instance.
    fn learn(&mut self, described: Described, book: &AddressBook) -> bool {
        if self.described == described {
            return false;
        }
        self.described = described;
        self.publish(book);
        true
    }

    /// Lets the gateway in, once there is somewhere to go.
    fn publish(&self, book: &AddressBook) {
        let (public, private) = (self.described.public_ip, self.described.private_ip);
        if let (Some(machine), Some(public), Some(address)) = (&self.machine, public, private) {
            let instance = Instance {
                id: self.described.id.as_str().into(),
                address,
                port: self.described.port(),
                door: Door::Line(machine.line.clone()),
            };
            book.set(public, instance);
        }
    }

    /// The first process ends only when told to; killed from outside, the machine is dead but not gone.
    fn notice_an_end(&mut self) -> bool {
        let Some(machine) = &mut self.machine else {
            return false;
        };
        let Ok(Some(status)) = machine.first_process.try_wait() else {
            return false;
        };
        if self.state != "running" {
            return false;
        }
        tracing::warn!("the first process of {}: {status}", self.described.id);
        self.state = format!("dead: its first process ended ({status}); see its console.log");
        true
    }
}

async fn end(instance: Running, book: AddressBook) {
    let id = instance.described.id.clone();
    if let Some(mut machine) = instance.machine {
        machine.line.end().await;
        // Its surroundings stay as long as the services, which may log or upload at the end.
        let ended = machine.first_process.wait();
        let _ = tokio::time::timeout(GRACE + Duration::from_secs(3), ended).await;
        machine.serving.abort_all();
    }
    let named = id.clone();
    // Mostly there is nothing left; what has left the machine's process tree is found by its mark.
    let swept = tokio::task::spawn_blocking(move || {
        processes::end(
            || processes::of_instance(&named),
            Duration::from_millis(200),
        )
    });
    book.remove(&id);
    if let Ok(Ended::Left { pids }) = swept.await {
        tracing::error!("{id}: these processes cannot be ended: {pids:?}");
    }
}
