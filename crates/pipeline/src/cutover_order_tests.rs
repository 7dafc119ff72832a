//! Any order of publishing, cutting over, discarding and ending.

use super::*;
use crate::retire::{Leaving, Taker, plan_retire};
use crate::rows::CandidateState;
use proptest::prelude::*;

/// Three releases over two components, their acts interleaved in any order, each possibly late:
/// planned on an old look at the zone, applied now.
#[derive(Debug, Clone, Copy)]
enum Act {
    Look(usize),
    Cut(usize),
    LookToDiscard(usize),
    Discard(usize),
    LookToRetire(usize),
    Retire(usize),
}

fn act() -> impl Strategy<Value = Act> {
    (0..3usize, 0..6u8).prop_map(|(who, what)| match what {
        0 => Act::Look(who),
        1 => Act::Cut(who),
        2 => Act::LookToDiscard(who),
        3 => Act::Discard(who),
        4 => Act::LookToRetire(who),
        _ => Act::Retire(who),
    })
}

#[derive(Default)]
struct World {
    zone: ZoneView,
    tickets: KnownHosts,
    seen: [Option<(ZoneView, KnownHosts)>; 3],
    discarding: [Option<crate::retire::RetirePlan>; 3],
    retiring: [Option<crate::retire::RetirePlan>; 3],
    live_order: Vec<(Fqdn, Ticket)>,
}

const RELEASES: [&[&str]; 3] = [&["api"], &["api", "ui"], &["ui"]];

impl World {
    fn new() -> Self {
        let published: Vec<(&str, u64)> = RELEASES
            .iter()
            .enumerate()
            .flat_map(|(n, names)| names.iter().map(move |name| (*name, n as u64 + 1)))
            .collect();
        let (zone, tickets) = zone(&published, &[]);
        Self {
            zone,
            tickets,
            ..Self::default()
        }
    }

    fn request(&self, who: usize) -> CutoverRequest {
        request(who as u64 + 1, RELEASES[who], ReadSet::new())
    }

    fn leaving(&self, who: usize) -> Vec<Leaving> {
        RELEASES[who]
            .iter()
            .map(|name| Leaving {
                component: component(name),
                hostname: host(name, who as u64 + 1),
                ticket: Ticket(who as u64 + 1),
                launched: Ticket(who as u64 + 1),
                becomes: CandidateState::Retired,
            })
            .collect()
    }

    fn step(&mut self, act: Act) {
        match act {
            Act::Look(who) => self.seen[who] = Some((self.zone.clone(), self.tickets.clone())),
            Act::Cut(who) => self.cut(who),
            Act::LookToDiscard(who) => {
                self.discarding[who] = Some(plan_retire(
                    &self.leaving(who),
                    Taker {
                        ticket: Ticket(42),
                        domain: &domain(),
                    },
                    &self.zone,
                    &BTreeMap::new(),
                ))
            }
            Act::Discard(who) => drop(
                self.discarding[who]
                    .take()
                    .map(|plan| self.zone.apply(&plan.batch)),
            ),
            Act::LookToRetire(who) => {
                let previous: Vec<Leaving> = (0..3)
                    .filter(|n| *n != who)
                    .flat_map(|n| self.leaving(n))
                    .filter(|l| self.live_order.iter().any(|(h, _)| *h == l.hostname))
                    .collect();
                self.retiring[who] = Some(plan_retire(
                    &previous,
                    Taker {
                        ticket: Ticket(42),
                        domain: &domain(),
                    },
                    &self.zone,
                    &BTreeMap::new(),
                ));
            }
            Act::Retire(who) => drop(
                self.retiring[who]
                    .take()
                    .map(|plan| self.zone.apply(&plan.batch)),
            ),
        }
    }

    fn cut(&mut self, who: usize) {
        let Some((zone, tickets)) = self.seen[who].take() else {
            return;
        };
        if let CutoverPlan::Commit { batch, moves } =
            plan_cutover(&self.request(who), &zone, &tickets)
            && self.zone.apply(&batch).is_ok()
        {
            self.live_order
                .extend(moves.into_iter().map(|m| (m.to, Ticket(who as u64 + 1))));
        }
    }

    fn assert_sound(&self) {
        for name in ["api", "ui"] {
            if let Some(host) = self.zone.points_to(&alias(&component(name), &domain())) {
                assert!(
                    self.zone.get(&host).is_some(),
                    "the alias of {name} points to {host}, which is gone"
                );
            }
            let mut last = Ticket(0);
            for (host, ticket) in self
                .live_order
                .iter()
                .filter(|(host, _)| host.as_str().starts_with(name))
            {
                assert!(*ticket > last, "{host} of {ticket} replaced {last}");
                last = *ticket;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_order_aliases_point_to_standing_instances_and_only_forward(acts in prop::collection::vec(act(), 0..60)) {
        let mut world = World::new();
        for act in acts {
            world.step(act);
            world.assert_sound();
        }
    }
}
