//! Targets of their own.

use crate::scenario::Scenario;
use end_to_end::{Cloud, Place, Vpcs};

/// One that nobody made yet. A target's name has 16 characters at most.
pub fn new(cloud: &Cloud, scenario: Scenario, worker: &str) -> Place {
    let short: String = scenario.name().chars().take(2).collect();
    let digits: String = worker.chars().filter(char::is_ascii_digit).collect();
    Place::new(cloud, &format!("{short}{digits}"))
}

/// One that is there.
pub async fn made(cloud: &Cloud, scenario: Scenario, worker: &str) -> (Place, Vpcs) {
    let one = Vpcs::one().await;
    let place = new(cloud, scenario, worker);
    place.provision(&[]).await.output();
    (place, one)
}

/// Tears it down; answers what is wrong with that.
pub async fn removed(place: &Place) -> Vec<String> {
    let gone = place.teardown().await;
    match gone.status.as_str() {
        "SUCCEEDED" => Vec::new(),
        _ => vec![format!(
            "{} stays: {}: {}",
            place.name, gone.error, gone.cause
        )],
    }
}
