//! What the tests of this crate share.

use crate::launch_template;
use crate::names::{Domain, Project, Target, Ticket};
use crate::rows::EnvironmentRow;
use crate::settings::TargetSettings;
use crate::wire::Release;

/// Release 42 to `stage`, which drains for 90 seconds.
pub(crate) fn release() -> Release {
    let environment = EnvironmentRow {
        domain: Domain::new("stage.myproj.com").unwrap(),
        zone_id: "Z".into(),
        launch_template_id: "lt-1".into(),
        launch_template_version: launch_template::first(),
        subnet_ids: Vec::new(),
        settings: TargetSettings {
            alias_ttl: 60,
            hostname_ttl: 60,
            drain_margin: 30,
            test_dependents: false,
        },
    };
    let project = Project::new("myproj").unwrap();
    let target = Target::new("stage").unwrap();
    Release {
        ticket: Ticket(42),
        ..Release::on(project, target, "x", environment)
    }
}
