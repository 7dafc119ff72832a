//! What EC2 says, and what is made of it.

use crate::tagged::tests::{release, tagged};
use crate::{Fleet, Launch, Launched, NewVersion, Tries};
use aws::{CallError, CallKind};
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use pipeline::names::{Component, Project, Target};
use replay::Replay;

pub(crate) fn refusal(code: &str) -> (u16, String) {
    (
        400,
        format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>m</Message></Error></Errors><RequestID>r</RequestID></Response>"
        ),
    )
}

pub(crate) fn answer(operation: &str, body: &str) -> (u16, String) {
    (
        200,
        format!("<{operation}Response>{body}</{operation}Response>"),
    )
}

const RUNNING: &str = "<instancesSet><item><instanceId>i-1</instanceId><instanceState><name>pending</name></instanceState></item></instancesSet>";
const VERSION_NOT_FOUND: &str = "InvalidLaunchTemplateId.VersionNotFound";

async fn launched(replay: &Replay) -> Result<Launched, CallError> {
    launch_with(&replay.config(), Tries::Here).await
}

async fn launch_with(config: &SdkConfig, tries: Tries) -> Result<Launched, CallError> {
    let (release, api) = (release(), Component::new("api").expect("a name"));
    let launch = Launch {
        of: tagged(&release, &api),
        subnet_id: "subnet-1",
        count: 1,
        token: "token".into(),
        tries,
    };
    Fleet::new(config).launch(&launch).await
}

#[tokio::test]
async fn a_version_made_a_moment_ago_is_asked_for_until_ec2_knows_it() {
    let unknown = || refusal(VERSION_NOT_FOUND);
    let replay = Replay::new([unknown(), unknown(), answer("RunInstances", RUNNING)]);
    let Ok(Launched::Up(seen)) = launched(&replay).await else {
        panic!("it is launched");
    };
    assert_eq!(seen[0].id, "i-1");
    assert!(replay.asked()[2].contains("LaunchTemplate.Version=7"));
}

#[tokio::test]
async fn a_version_that_stays_unknown_is_left_to_the_state_machine_to_try_again() {
    let replay = Replay::new((0..5).map(|_| refusal(VERSION_NOT_FOUND)));
    let error = launched(&replay).await.unwrap_err();
    assert_eq!(
        (error.kind, error.code.as_str()),
        (CallKind::Unavailable, VERSION_NOT_FOUND)
    );
    assert_eq!(replay.asked().len(), 5);
}

#[tokio::test]
async fn instances_of_an_earlier_try_that_have_ended_are_told_from_those_that_are_not_listed_yet() {
    let ended = launched(&Replay::new([refusal("IdempotentInstanceTerminated")])).await;
    assert_eq!(ended.unwrap(), Launched::EndedAlready);
    let hidden = launched(&Replay::new([refusal("IdempotentParameterMismatch")])).await;
    assert_eq!(hidden.unwrap_err().kind, CallKind::Unavailable);
    let refused = launched(&Replay::new([refusal("InvalidSubnetID.NotFound")])).await;
    assert_eq!(refused.unwrap_err().kind, CallKind::Refused);
}

#[tokio::test]
async fn what_a_caller_tries_again_is_asked_for_once_whatever_the_client_does_else() {
    let no_room = || (500, refusal("InsufficientInstanceCapacity").1);
    let replay = Replay::new([no_room(), no_room(), no_room()]);
    let patient = RetryConfig::standard().with_max_attempts(3);
    let config = replay.config().to_builder().retry_config(patient).build();
    let error = launch_with(&config, Tries::ByCaller).await.unwrap_err();
    assert_eq!(replay.asked().len(), 1);
    assert_eq!(error.kind, CallKind::Unavailable);

    let deleted = Replay::new([refusal(VERSION_NOT_FOUND), refusal(VERSION_NOT_FOUND)]);
    let error = launch_with(&deleted.config(), Tries::ByCaller).await;
    assert_eq!(error.unwrap_err().kind, CallKind::Refused);
    assert_eq!(deleted.asked().len(), 1);
}

pub(crate) async fn terminated(replay: &Replay, ids: &[&str]) -> Result<(), CallError> {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    Fleet::new(&replay.config()).terminate(&ids).await
}

#[tokio::test]
async fn a_version_is_made_from_its_source() {
    let made = "<launchTemplateVersion><versionNumber>8</versionNumber></launchTemplateVersion>";
    let replay = Replay::new([answer("CreateLaunchTemplateVersion", made)]);
    let new = NewVersion {
        description: "api",
        user_data_base64: "eA==",
        source: "3",
        token: "t",
    };
    let fleet = Fleet::new(&replay.config());
    let version = fleet.create_template_version("lt-1", &new).await.unwrap();
    assert_eq!(version, "8");
    assert!(replay.asked()[0].contains("SourceVersion=3"));
}

fn page(numbers: &[u64], next: &str) -> (u16, String) {
    let items: String = numbers
        .iter()
        .map(|n| {
            format!(
                "<item><versionNumber>{n}</versionNumber><versionDescription>d{n}</versionDescription>\
                 <defaultVersion>{}</defaultVersion><createTime>2026-11-29T08:00:00Z</createTime></item>",
                *n == 1
            )
        })
        .collect();
    answer(
        "DescribeLaunchTemplateVersions",
        &format!(
            "<launchTemplateVersionSet>{items}</launchTemplateVersionSet><nextToken>{next}</nextToken>"
        ),
    )
}

#[tokio::test]
async fn versions_are_read_page_by_page_and_no_further_than_allowed() {
    let pages = || [page(&[9, 8], "a"), page(&[7], "b"), page(&[1], "")];
    let numbers = async |most: usize| {
        let fleet = Fleet::new(&Replay::new(pages()).config());
        let versions = fleet.template_versions("lt-1", most).await.unwrap();
        versions.iter().map(|one| one.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(51).await, [9, 8, 7, 1]);
    assert_eq!(numbers(2).await, [9, 8, 7]);
    let fleet = Fleet::new(&Replay::new([page(&[1], "")]).config());
    let versions = fleet.template_versions("lt-1", 1).await.unwrap();
    assert_eq!(
        (
            versions[0].is_default,
            versions[0].description.as_str(),
            versions[0].created
        ),
        (true, "d1", 1_795_939_200)
    );
}

fn instances(ids: &[&str], next: &str) -> (u16, String) {
    let item = |id: &&str| {
        format!(
            "<item><instanceId>{id}</instanceId><instanceState><name>running</name></instanceState>\
             <ipAddress>192.0.2.1</ipAddress></item>"
        )
    };
    let items: String = ids.iter().map(item).collect();
    let body = format!(
        "<reservationSet><item><instancesSet>{items}</instancesSet></item></reservationSet><nextToken>{next}</nextToken>"
    );
    answer("DescribeInstances", &body)
}

#[tokio::test]
async fn all_pages_of_a_release_s_instances_are_read() {
    let replay = Replay::new([instances(&["i-1"], "more"), instances(&["i-2"], "")]);
    let fleet = Fleet::new(&replay.config());
    let seen = fleet
        .of_release("stage-r7", "api-1.stage.myproj.com")
        .await
        .unwrap();
    let ids: Vec<&str> = seen.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["i-1", "i-2"]);
    assert_eq!(
        seen[0].instance().map(|one| one.address).as_deref(),
        Some("192.0.2.1")
    );
    let asked = replay.asked();
    assert!(
        asked[0].contains("Filter.1.Name=tag%3Acutover%3Arelease&Filter.1.Value.1=stage-r7"),
        "{}",
        asked[0]
    );
    assert!(asked[1].contains("NextToken=more"), "{}", asked[1]);
}

#[tokio::test]
async fn a_target_s_instances_are_those_with_both_tags() {
    let replay = Replay::new([instances(&["i-1"], "")]);
    let (project, target) = (
        Project::new("myproj").unwrap(),
        Target::new("stage").unwrap(),
    );
    Fleet::new(&replay.config())
        .of_target(&project, &target)
        .await
        .unwrap();
    let asked = replay.asked().remove(0);
    for filter in [
        "cutover%3Aproject&Filter.1.Value.1=myproj",
        "cutover%3Atarget&Filter.2.Value.1=stage",
    ] {
        assert!(asked.contains(filter), "{asked}");
    }
}

#[tokio::test]
async fn a_filter_names_200_instances_at_the_most() {
    let replay = Replay::new([instances(&["i-1"], ""), instances(&[], "")]);
    let ids: Vec<String> = (0..201).map(|n| format!("i-{n}")).collect();
    let seen = Fleet::new(&replay.config()).by_id(&ids).await.unwrap();
    assert_eq!((seen.len(), replay.asked().len()), (1, 2));
}

#[tokio::test]
async fn throttling_and_a_lack_of_machines_pass_by_themselves() {
    for code in ["RequestLimitExceeded", "InsufficientInstanceCapacity"] {
        let error = launched(&Replay::new([refusal(code)])).await.unwrap_err();
        assert_eq!(error.kind, CallKind::Unavailable, "{code}");
    }
    let quota = launched(&Replay::new([refusal("VcpuLimitExceeded")])).await;
    assert_eq!(quota.unwrap_err().kind, CallKind::Refused);
}

#[tokio::test]
async fn a_launch_tags_instances_and_volumes_and_has_a_token() {
    let replay = Replay::new([answer("RunInstances", RUNNING)]);
    launched(&replay).await.unwrap();
    let asked = replay.asked().remove(0);
    for part in [
        "ClientToken=token",
        "MinCount=1",
        "MaxCount=1",
        "ResourceType=instance",
        "ResourceType=volume",
        "LaunchTemplateId=lt-1",
        "Tag.1.Key=",
    ] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
}

#[tokio::test]
async fn a_dry_run_that_would_have_worked_is_answered_with_an_error() {
    let could = async |answer| {
        Fleet::new(&Replay::new([answer]).config())
            .could_launch("lt-1", "7", "subnet-1")
            .await
    };
    could(refusal("DryRunOperation")).await.unwrap();
    assert_eq!(
        could(refusal("UnauthorizedOperation"))
            .await
            .unwrap_err()
            .kind,
        CallKind::Denied
    );
    assert_eq!(
        could(answer("RunInstances", RUNNING))
            .await
            .unwrap_err()
            .kind,
        CallKind::Unavailable
    );
}

#[tokio::test]
async fn a_version_without_a_number_is_no_version() {
    let replay = Replay::new([answer("CreateLaunchTemplateVersion", "")]);
    let new = NewVersion {
        description: "api",
        user_data_base64: "eA==",
        source: "3",
        token: "t",
    };
    let made = Fleet::new(&replay.config())
        .create_template_version("lt-1", &new)
        .await;
    assert_eq!(made.unwrap_err().kind, CallKind::Unavailable);
}

#[tokio::test]
async fn versions_that_are_gone_already_are_no_error() {
    let body = "<successfullyDeletedLaunchTemplateVersionSet><item><versionNumber>2</versionNumber></item>\
        </successfullyDeletedLaunchTemplateVersionSet><unsuccessfullyDeletedLaunchTemplateVersionSet><item>\
        <versionNumber>3</versionNumber><responseError><code>launchTemplateVersionDoesNotExist</code></responseError>\
        </item></unsuccessfullyDeletedLaunchTemplateVersionSet>";
    let replay = Replay::new([answer("DeleteLaunchTemplateVersions", body)]);
    let gone = Fleet::new(&replay.config())
        .delete_template_versions("lt-1", &[2, 3])
        .await;
    assert_eq!(gone.unwrap(), 1);
}

#[tokio::test]
async fn instances_of_several_releases_are_found_in_one_call_and_each_by_both_its_tags() {
    let item = |id: &str, release: &str, name: &str| {
        format!(
            "<item><instanceId>{id}</instanceId><instanceState><name>running</name></instanceState><tagSet>\
             <item><key>cutover:release</key><value>{release}</value></item>\
             <item><key>Name</key><value>{name}</value></item></tagSet></item>"
        )
    };
    let listed = [
        item("i-1", "dev-r1", "api-1"),
        item("i-2", "dev-r2", "ui-2"),
        item("i-3", "dev-r2", "api-1"), // launched later under a name that was free
    ];
    let set = format!(
        "<reservationSet><item><instancesSet>{}</instancesSet></item></reservationSet>",
        listed.concat()
    );
    let replay = Replay::new([answer("DescribeInstances", &set)]);
    let wanted = [("dev-r1", "api-1"), ("dev-r2", "ui-2")];
    let wanted = wanted.map(|(label, name)| (label.to_owned(), name.to_owned()));
    let fleet = Fleet::new(&replay.config());
    let seen = fleet.of_releases(&wanted.into()).await.unwrap();
    let ids: Vec<&str> = seen.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["i-1", "i-2"]);
    assert_eq!(replay.asked().len(), 1);
    let nothing = fleet.of_releases(&Default::default()).await.unwrap();
    assert!(nothing.is_empty(), "and nothing is asked");
}

#[tokio::test]
async fn an_announced_end_counts_as_long_as_it_is_to_come() {
    let status = |id: &str, code: &str, description: &str| {
        format!(
            "<item><instanceId>{id}</instanceId><eventsSet><item><code>{code}</code>\
             <description>{description}</description></item></eventsSet></item>"
        )
    };
    let announced = [
        status("i-1", "instance-retirement", "on degraded hardware"),
        status("i-2", "instance-stop", "[Completed] on degraded hardware"),
        status("i-3", "system-reboot", "for maintenance"),
    ];
    let announced = format!(
        "<instanceStatusSet>{}</instanceStatusSet>",
        announced.concat()
    );
    let item = |id: &str| {
        format!(
            "<item><instanceId>{id}</instanceId><instanceState><name>running</name></instanceState>\
             <launchTime>2026-01-01T00:00:00Z</launchTime><tagSet>\
             <item><key>cutover:replaces</key><value>i-0</value></item></tagSet></item>"
        )
    };
    let listed: String = ["i-1", "i-2", "i-3"].map(item).concat();
    let listed = format!(
        "<reservationSet><item><instancesSet>{listed}</instancesSet></item></reservationSet>"
    );
    let replay = Replay::new([
        answer("DescribeInstanceStatus", &announced),
        answer("DescribeInstances", &listed),
    ]);
    let (project, target) = (Project::new("p").unwrap(), Target::new("dev").unwrap());
    let fleet = Fleet::new(&replay.config());
    let none = Default::default();
    let seen = fleet.machines_of(&project, &target, &none).await.unwrap();
    let retire: Vec<bool> = seen.iter().map(|one| one.retires).collect();
    assert_eq!(retire, [true, false, false]);
    assert_eq!(seen[0].started, 1_767_225_600);
    assert_eq!(seen[0].replaces.as_deref(), Some("i-0"));
    let asked = replay.asked();
    for part in ["event.code", "instance-retirement", "instance-stop"] {
        assert!(asked[0].contains(part), "{}", asked[0]);
    }
}

/// Labels and hostnames count together.
#[tokio::test]
async fn one_call_names_200_values_at_the_most() {
    let replay = Replay::new([instances(&[], ""), instances(&[], "")]);
    let wanted = (0..101).map(|n| (format!("dev-r{n}"), format!("api-{n}")));
    let fleet = Fleet::new(&replay.config());
    fleet.of_releases(&wanted.collect()).await.unwrap();
    assert_eq!(replay.asked().len(), 2);
}
