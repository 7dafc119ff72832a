//! The instance host: makes the processes of this machine what EC2 says there should be.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::Filter;
use cutover_net::{AddressBook, Changes, Seen};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::boot::{Machine, Surroundings};
use crate::cloud::reason;
use crate::error::{LocalError, Result};
use crate::imds::{self, Imds};
use crate::instances::{Addresses, Described};
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

struct Running {
    described: Described,
    address: Ipv4Addr,
    reserved: TcpListener,
    state: String,
    tries: u32,
    parts: Option<(Machine, Imds)>,
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
        let mut addresses = Addresses::default();
        let mut endings = JoinSet::new();
        while !stop.is_cancelled() {
            let seen = self.changes.now();
            match self.describe().await {
                Ok(described) => self.follow(described, &mut addresses, &mut endings).await,
                Err(error) => tracing::warn!("instances: {}", error.chain()),
            }
            while endings.try_join_next().is_some() {}
            tokio::select! {
                () = self.changed(seen) => {}
                () = stop.cancelled() => {}
            }
        }
        self.follow(Vec::new(), &mut addresses, &mut endings).await;
        while endings.join_next().await.is_some() {}
    }

    /// Returns when there may be something to do.
    async fn changed(&self, seen: Seen) {
        let waits = |entry: &Running| entry.parts.is_none() && entry.tries < BOOT_TRIES;
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

    async fn follow(
        &self,
        described: Vec<Described>,
        addresses: &mut Addresses,
        endings: &mut JoinSet<()>,
    ) {
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
            let entry = match running.entry(instance.id.clone()) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => match imds::reserve(addresses) {
                    Ok((address, reserved)) => entry.insert(Running::new(address, reserved)),
                    Err(error) => {
                        tracing::error!("{}: {}", instance.id, error.chain());
                        continue;
                    }
                },
            };
            changed |= entry.learn(instance, &self.book);
            if entry.parts.is_none() && entry.tries < BOOT_TRIES {
                entry.tries += 1;
                self.boot(entry).await;
                changed = true;
            }
            changed |= entry.notice_an_end();
        }
        if changed {
            let lines = running
                .values()
                .map(|entry| entry.described.line(entry.address, &entry.state))
                .collect();
            self.lines.send_replace(lines);
        }
    }

    async fn boot(&self, entry: &mut Running) {
        match self.try_boot(entry).await {
            Ok(parts) => {
                tracing::info!("{} boots at {}", entry.described.id, entry.address);
                entry.parts = Some(parts);
                entry.state = "running".into();
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

    async fn try_boot(&self, entry: &Running) -> Result<(Machine, Imds)> {
        let instance = &entry.described;
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
        let imds = Imds::start(
            &entry.reserved,
            instance.clone(),
            role,
            self.roles.clone(),
            user_data.clone(),
        )?;
        let machine = Machine::start(&self.surroundings, &instance.id, entry.address, &user_data)?;
        Ok((machine, imds))
    }
}

impl Running {
    fn new(address: Ipv4Addr, reserved: TcpListener) -> Self {
        Self {
            described: Described::default(),
            address,
            reserved,
            state: "pending".into(),
            tries: 0,
            parts: None,
        }
    }

    /// Takes what EC2 says; tags may come a moment after the instance.
    fn learn(&mut self, described: Described, book: &AddressBook) -> bool {
        if self.described == described {
            return false;
        }
        book.set(
            described.public_ip,
            described.private_ip,
            self.address,
            described.port(),
        );
        self.described = described;
        true
    }

    /// The first process ends only when told to; killed from outside, the machine is dead but not gone.
    fn notice_an_end(&mut self) -> bool {
        let Some((machine, _)) = &mut self.parts else {
            return false;
        };
        if self.state != "running" || !matches!(machine.child.try_wait(), Ok(Some(_))) {
            return false;
        }
        tracing::warn!("the first process of {} was killed", self.described.id);
        self.state = "dead: its first process was killed".into();
        true
    }
}

async fn end(instance: Running, book: AddressBook) {
    let id = instance.described.id.clone();
    if let Some((machine, imds)) = instance.parts {
        // The metadata service stays as long as the services, which may log or upload at the end.
        let _ = tokio::time::timeout(GRACE + Duration::from_secs(3), machine.end()).await;
        drop(imds);
    }
    let named = id.clone();
    // Mostly there is nothing left; what has left the machine's process tree is found by its mark.
    let swept = tokio::task::spawn_blocking(move || {
        processes::end(
            || processes::of_instance(&named),
            Duration::from_millis(200),
        )
    });
    book.remove(&instance.address);
    if let Ok(Ended::Left { pids }) = swept.await {
        tracing::error!("{id}: these processes cannot be ended: {pids:?}");
    }
}
