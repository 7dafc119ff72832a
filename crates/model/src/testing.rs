//! From Plan companions to the suites.

use crate::act::{Act, How};
use crate::cast::{instance, manifest, peers, recipe, release};
use crate::release::{Beside, Brought, Stage, Why};
use crate::rules::Rule;
use crate::shared::Shared;
use pipeline::drivers::{Ask, ChangeOutcome, Mark, PlanCompanions, PublishHostnames, PublishPeers};
use pipeline::names::Fqdn;
use pipeline::proof::{Set, proof_of};
use pipeline::rows::{CandidateRow, CandidateState};
use pipeline::version::Version;
use pipeline::wire::{
    ComponentPeers, Deployed, LaunchOutcome, ListeningComponent, PeersReply, Prepared,
    PublishRequest, Release, Together,
};

impl Act<'_> {
    /// Plan companions and, since the names that it writes are nobody else's, Publish peers.
    pub(crate) fn companions(&mut self, how: How) {
        let Ok(reply) = self.drive_at_once(PlanCompanions::new(self.talks())) else {
            return self.take(Why::Discard);
        };
        if how == How::Lost {
            return;
        }
        let companion = |one: &Prepared| Brought::of(&one.planned);
        let beside = Beside {
            companions: reply.companions.iter().map(companion).collect(),
            read_set: reply.read_set,
            set: reply.set,
        };
        self.state.runs[self.who].beside = Shared::new(beside);
        let driver = PublishPeers::new(self.listens());
        if let How::LateAgain | How::LateGivenUp = how {
            let batch = self.batch_of(driver.clone());
            self.publish_late(batch.ok().flatten().unwrap_or_default());
        }
        if how == How::LateGivenUp {
            return self.take(Why::Discard);
        }
        match self.drive_at_once(driver) {
            Ok(_) => self.goes(Stage::Deploy),
            Err(_) => self.take(Why::Discard),
        }
    }

    fn release(&self) -> Release {
        let mut release = release(self.ticket());
        release.proven = self.run().plan.proven;
        release.settings.test_dependents = self.tests_dependents();
        release
    }

    fn talks(&self) -> Together<ComponentPeers> {
        let talks = |one: &Brought| ComponentPeers {
            component: one.component.clone(),
            commit: one.commit.clone(),
            peers: peers(&one.component).clone(),
            instances: 1,
        };
        Together {
            release: self.release(),
            components: self.run().plan.components.iter().map(talks).collect(),
        }
    }

    fn listens(&self) -> Together<ListeningComponent> {
        let own = self.run().plan.components.len();
        let all = self.all();
        let listens = |(n, one): (usize, &Brought)| ListeningComponent {
            component: one.component.clone(),
            hostname: one.hostname.clone(),
            companion: n >= own,
            warm: !self.boots(one),
            port: manifest(&one.component)
                .run
                .as_ref()
                .map_or(0, |run| run.port.number()),
            peers: peers(&one.component).clone(),
        };
        Together {
            release: self.release(),
            components: all.iter().enumerate().map(listens).collect(),
        }
    }

    fn boots(&self, one: &Brought) -> bool {
        let row = self.own_row(&one.hostname);
        !self.rules.keep(Rule::NoNamesForWarm) || row.is_none_or(|row| row.launched_by.is_none())
    }

    /// Deploy (initial) of each candidate and companion.
    pub(crate) fn deploy(&mut self, how: How) {
        for one in self.all() {
            let Some(launched) = self.own_row(&one.hostname).map(CandidateRow::launched) else {
                return self.take(Why::Discard);
            };
            let up = self.state.world.is_up(launched, &one.hostname);
            if !up && launched != self.ticket() {
                return self.take(Why::Discard); // taken over too late
            }
            self.world().launch(launched, &one.hostname);
            if how == How::GivenUp {
                continue; // launched, and not recorded
            }
            self.found_healthy(&one);
        }
        if how == How::LateAgain {
            let marks = self.all().into_iter().map(|one| Mark {
                hostname: one.hostname,
                ticket: self.ticket(),
                state: CandidateState::Healthy,
            });
            self.send_late(&Ask::MoveOn(marks.collect()));
        }
        match how {
            How::GivenUp => self.take(Why::Discard),
            _ => self.goes(Stage::Publish),
        }
    }

    fn found_healthy(&mut self, one: &Brought) {
        let (ticket, at) = (self.ticket(), &one.hostname);
        let mut recipe = recipe(&one.component, &one.commit, at);
        recipe.planned.replaces = one.replaces.clone();
        self.world().set_candidate_healthy(at, ticket, recipe);
    }

    /// Publish hostnames. Nobody else writes these records, except that Terminate previous may be
    /// about to delete what a roll-back takes over: then the batch is planned anew, as here.
    pub(crate) fn publish(&mut self, how: How) {
        let driver = PublishHostnames::new(self.to_publish());
        let Ok(batch) = self.batch_of(driver.clone()) else {
            return self.take(Why::Discard);
        };
        let batch = batch.unwrap_or_default();
        if let How::LateAgain | How::LateGivenUp = how {
            self.publish_late(batch.clone());
        }
        match how {
            How::LateGivenUp => self.take(Why::Discard),
            // What it replies is for the suites.
            _ if matches!(self.change(&batch), ChangeOutcome::Applied(_)) => self.goes(Stage::Test),
            _ => match self.drive_at_once(driver) {
                Ok(_) => self.goes(Stage::Test),
                Err(_) => self.take(Why::Discard),
            },
        }
    }

    fn to_publish(&self) -> PublishRequest {
        let launched = |at: &Fqdn| self.own_row(at).map(CandidateRow::launched);
        let deployed = |one: &Brought| Deployed {
            component: one.component.clone(),
            version: Version::Head,
            commit: one.commit.clone(),
            hostname: one.hostname.clone(),
            companion: false,
            artifact_sha256: String::new(),
            instances: launched(&one.hostname)
                .map(|ticket| instance(ticket, &one.hostname))
                .into_iter()
                .collect(),
            launch_template_version: String::new(),
            how: LaunchOutcome::Launched,
        };
        PublishRequest {
            release: self.release(),
            components: self.all().iter().map(deployed).collect(),
            peers: PeersReply::default(),
        }
    }

    /// The suites run, against what is live now. (Of a proven set none do.)
    pub(crate) fn test(&mut self, how: How) {
        if how == How::Fails {
            return self.take(Why::Discard);
        }
        if !self.run().plan.proven {
            let now = self.set();
            let all = self.all();
            let ran = all.iter().filter_map(|one| {
                let mut set = now.clone();
                set.insert(one.component.clone(), one.commit.clone());
                proof_of(&set, &one.component, peers(&one.component)).ok()
            });
            let ran: Vec<_> = ran.collect();
            self.world().passed.change(|all| all.extend(ran));
        }
        self.cut();
    }

    /// What the suites meet: what is live, and in its place what the release brings.
    fn set(&self) -> Set {
        let world = &self.state.world;
        let commit = |at: &Fqdn| world.row(at).map(|row| row.commit.clone());
        let live = world.live().into_iter();
        let live = live.filter_map(|(component, at)| Some((component, commit(&at)?)));
        let brought = self.run().plan.components.iter();
        let brought = brought.map(|one| (one.component.clone(), one.commit.clone()));
        live.chain(brought).collect()
    }
}
