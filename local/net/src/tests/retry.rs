use super::{
    net::{Net, public, start, within},
    service::{Manner, Service, free_address},
};
use crate::gateway::LONGEST_IDLE;

async fn with_service(manner: Manner) -> (Net, Service) {
    let net = start().await;
    let service = Service::start("it", manner).await;
    net.boot(&service);
    net.point("it", &[&service]);
    (net, service)
}

#[tokio::test]
async fn connections_are_used_again() {
    let (net, service) = with_service(Manner::Answers).await;
    for method in ["GET", "HEAD", "PUT", "GET", "DELETE", "OPTIONS"] {
        assert_eq!(net.call(method, "it", "").await.0, 200);
    }
    assert_eq!((service.requests(), service.connections()), (6, 1));
}

#[tokio::test]
async fn a_dead_pooled_connection_is_replaced_once_for_what_may_be_repeated() {
    let (net, service) = with_service(Manner::HangsUpAtTheSecond).await;
    assert_eq!(net.get("it").await.0, 200);
    let (status, body) = net.call("PUT", "it", "the body").await;
    assert_eq!(status, 200);
    assert!(body.ends_with("the body"), "{body}");
    // One answered, one that met the dead connection, and its repetition.
    assert_eq!((service.requests(), service.connections()), (3, 2));
}

#[tokio::test]
async fn a_request_that_may_not_be_repeated_gets_its_own_connection() {
    let (net, service) = with_service(Manner::HangsUpAtTheSecond).await;
    assert_eq!(net.get("it").await.0, 200);
    assert_eq!(net.call("POST", "it", "once").await.0, 200);
    assert_eq!((service.requests(), service.connections()), (2, 2));
}

#[tokio::test]
async fn a_fresh_connection_that_dies_is_the_clients_to_know() {
    let (net, service) = with_service(Manner::HangsUp).await;
    for (nth, method) in ["POST", "PATCH", "GET", "PUT"].into_iter().enumerate() {
        let (status, body) = net.call(method, "it", "once").await;
        assert_eq!(status, 502);
        assert!(body.contains("without an answer"), "{body}");
        assert_eq!(service.requests(), nth + 1, "{method} was sent again");
    }
}

/// Points `pair` to an instance where nothing listens and to the service.
fn pair_with_dead(net: &Net, service: &Service) {
    let dead = free_address();
    net.boot_at(dead, Some(service.address.port()));
    let addresses = [dead, *service.address.ip()].map(|it| public(it).to_string());
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    net.memory
        .set("pair.stage.myproj.localhost", "A", 60, &addresses);
}

#[tokio::test]
async fn a_refused_connection_gives_way_to_the_next_address_for_what_may_be_repeated() {
    let (net, service) = with_service(Manner::Answers).await;
    pair_with_dead(&net, &service);
    for _ in 0..6 {
        assert_eq!(net.get("pair").await.0, 200);
    }
    assert_eq!(service.requests(), 6);
}

#[tokio::test]
async fn a_refused_connection_is_the_clients_to_know_for_what_may_not() {
    let (net, service) = with_service(Manner::Answers).await;
    pair_with_dead(&net, &service);
    let mut said = Vec::new();
    for _ in 0..4 {
        said.push(net.call("POST", "pair", "once").await.0);
    }
    said.sort_unstable();
    assert_eq!(said, [200, 200, 502, 502]);
    assert_eq!(service.requests(), 2);
}

#[tokio::test]
async fn the_idle_connections_of_a_removed_instance_are_closed() {
    let (net, service) = with_service(Manner::Answers).await;
    assert_eq!(net.get("it").await.0, 200);
    assert_eq!(service.open(), 1);
    net.end(&service);
    // Sooner than it would be for its idleness.
    within(LONGEST_IDLE / 2, || service.open() == 0).await;
    net.boot(&service);
    assert_eq!(net.get("it").await.0, 200);
    assert_eq!(service.connections(), 2);
}
