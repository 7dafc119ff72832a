use std::{net::TcpListener, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    net::{Net, eventually, listener, public, start, status},
    service::{Manner, Service},
};
use crate::{AddressBook, Gateway};

async fn with_api() -> (Net, Service) {
    let net = start().await;
    let api = Service::start("api", Manner::Answers).await;
    net.boot(&api);
    net.point("api", &[&api]);
    (net, api)
}

#[tokio::test]
async fn a_host_is_brought_to_the_port_in_its_instances_tag() {
    let (net, _api) = with_api().await;
    let (status, body) = net.get("api").await;
    assert_eq!(status, 200);
    assert!(
        body.starts_with("api\nGET /path?q=1 HTTP/1.1\r\n"),
        "{body}"
    );
    assert!(
        body.contains("host: api.stage.myproj.localhost\r\n"),
        "{body}"
    );
    assert!(!body.contains("connection:"), "{body}");
}

#[tokio::test]
async fn an_alias_that_moves_takes_its_traffic_along_within_its_ttl() {
    let (net, _blue) = with_api().await;
    let green = Service::start("green", Manner::Answers).await;
    net.boot(&green);
    assert!(net.get("api").await.1.starts_with("api"));
    net.point("api", &[&green]);
    tokio::time::sleep(Duration::from_millis(1010)).await;
    assert!(net.get("api").await.1.starts_with("green"));
}

#[tokio::test]
async fn several_instances_take_turns() {
    let (net, api) = with_api().await;
    let second = Service::start("second", Manner::Answers).await;
    net.boot(&second);
    net.point("both", &[&api, &second]);
    for _ in 0..10 {
        assert_eq!(net.get("both").await.0, 200);
    }
    assert!((4..=6).contains(&api.requests()), "{}", api.requests());
    assert_eq!(api.requests() + second.requests(), 10);
}

#[tokio::test]
async fn a_proxied_request_goes_to_the_port_it_names_with_the_host_it_names() {
    let (net, api) = with_api().await;
    let port = api.address.port();
    let instance = public(*api.address.ip());
    for host in [
        "api.stage.myproj.localhost",
        "API.stage.myproj.localhost",
        &instance.to_string(),
    ] {
        let (status, body) = net
            .say(&format!(
                "GET http://{host}:{port}/x HTTP/1.1\r\nhost: other\r\nproxy-connection: close\r\n\
                 connection: close\r\n\r\n"
            ))
            .await;
        assert_eq!(status, 200, "{body}");
        assert!(body.starts_with("api\nGET /x HTTP/1.1\r\n"), "{body}");
        assert!(body.contains(&format!("host: {host}:{port}\r\n")), "{body}");
        assert!(!body.contains("proxy-connection"), "{body}");
    }
}

#[tokio::test]
async fn connect_opens_a_tunnel_to_an_instance() {
    let (net, api) = with_api().await;
    let mut stream = TcpStream::connect(net.gateway.address()).await.unwrap();
    let port = api.address.port();
    let connect = format!("CONNECT api.stage.myproj.localhost:{port} HTTP/1.1\r\n\r\n");
    stream.write_all(connect.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 4096];
    let length = stream.read(&mut buffer).await.unwrap();
    assert!(buffer[..length].starts_with(b"HTTP/1.1 200"));
    stream
        .write_all(b"GET /inside HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    let length = stream.read(&mut buffer).await.unwrap();
    let answer = String::from_utf8_lossy(&buffer[..length]);
    assert!(answer.contains("api\nGET /inside"), "{answer}");
}

#[tokio::test]
async fn what_is_not_ours_is_refused_with_a_sentence() {
    let (net, api) = with_api().await;
    let loopback = format!("http://127.0.0.1:{}/", net.gateway.address().port());
    for target in [
        "http://www.example.com/",
        "http://54.9.9.9/",
        &loopback,
        "http://myproj.localhost/",
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let (status, body) = net.say(&request).await;
        assert_eq!(status, 403, "{target}");
        assert!(
            body.starts_with("This proxy reaches the instances of the local cloud only"),
            "{body}"
        );
    }
    let connect = "CONNECT www.example.com:443 HTTP/1.1\r\nconnection: close\r\n\r\n";
    assert_eq!(net.say(connect).await.0, 403);
    assert_eq!(api.connections(), 0);
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_not_found_and_the_answer_says_how_to_call() {
    let net = start().await;
    let (status, body) = net.get("nobody").await;
    assert_eq!(status, 404);
    assert!(
        body.contains("<component>.<target>.myproj.localhost"),
        "{body}"
    );
}

#[tokio::test]
async fn a_gateway_that_cannot_reach_a_service_says_why() {
    let (net, api) = with_api().await;
    let absent =
        "GET http://no.stage.myproj.localhost/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let (status, body) = net.say(absent).await;
    assert_eq!(status, 502);
    assert!(body.contains("Route 53 has no address record"), "{body}");

    net.boot_at(*api.address.ip(), Some(1));
    let (status, body) = net.get("api").await;
    assert_eq!(status, 502);
    let refused = "nothing listens on the instance's own address";
    assert!(body.contains(refused), "{body}");

    net.boot_at(*api.address.ip(), None);
    let (status, body) = net.get("api").await;
    assert_eq!(status, 502);
    assert!(body.contains("cutover:port"), "{body}");

    net.end(&api);
    let (status, body) = net.get("api").await;
    assert_eq!(status, 502);
    assert!(body.contains("no running instance"), "{body}");

    net.memory.fail(true);
    let (status, body) = net.get("other").await;
    assert_eq!(status, 502);
    assert!(body.contains("cannot be resolved"), "{body}");
}

#[tokio::test]
async fn a_service_that_does_not_answer_in_time_is_a_timeout() {
    let net = start().await;
    let silent = Service::start("silent", Manner::Silent).await;
    net.boot(&silent);
    net.point("silent", &[&silent]);
    for method in ["GET", "POST"] {
        let (status, body) = net.call(method, "silent", "body").await;
        assert_eq!(status, 504);
        assert!(body.contains("did not answer within"), "{body}");
    }
    assert_eq!(silent.requests(), 2);
}

#[tokio::test]
async fn bodies_pass_whole_in_both_directions() {
    let (net, _api) = with_api().await;
    let large = "x".repeat(300_000);
    for method in ["POST", "PUT"] {
        for body in [large.as_str(), "small"] {
            let (status, echoed) = net.call(method, "api", body).await;
            assert_eq!(status, 200);
            assert!(echoed.ends_with(&format!("\r\n\r\n{body}")), "{method}");
        }
    }
    let (status, echoed) = net
        .say(
            "POST / HTTP/1.1\r\nhost: api.stage.myproj.localhost\r\nconnection: close\r\n\
             transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        )
        .await;
    assert_eq!(status, 200);
    assert!(
        echoed.contains("transfer-encoding: chunked\r\n"),
        "{echoed}"
    );
    assert!(echoed.ends_with("3\r\nabc\r\n0\r\n\r\n"), "{echoed}");
}

#[tokio::test]
async fn a_service_of_http_1_0_is_answered_for_whole_on_every_connection() {
    let net = start().await;
    let old = Service::start("old", Manner::AnswersUntilTheEnd).await;
    net.boot(&old);
    net.point("old", &[&old]);
    for nth in 1..=3 {
        let (status, body) = net.get("old").await;
        assert_eq!(status, 200);
        assert!(body.contains("old\nGET /path?q=1 HTTP/1.1"), "{body}");
        assert_eq!((old.requests(), old.connections()), (nth, nth));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_for_the_client_too() {
    let net = start().await;
    let broken = Service::start("broken", Manner::BreaksOff).await;
    net.boot(&broken);
    net.point("broken", &[&broken]);
    let (head, body) = net
        .exchange(
            "GET / HTTP/1.1\r\nhost: broken.stage.myproj.localhost\r\nconnection: close\r\n\r\n",
        )
        .await;
    assert_eq!(status(&head), 200);
    assert!(head.contains("content-length: 10"), "{head}");
    assert!(body.len() < 10, "{body}");
}

#[tokio::test]
async fn a_head_request_has_a_length_and_no_body() {
    let (net, api) = with_api().await;
    let request =
        "HEAD / HTTP/1.1\r\nhost: api.stage.myproj.localhost\r\nconnection: close\r\n\r\n";
    for _ in 0..2 {
        let (head, body) = net.exchange(request).await;
        assert_eq!((status(&head), body.as_str()), (200, ""));
        assert!(head.contains("content-length: "), "{head}");
        assert!(!head.contains("keep-alive"), "{head}");
    }
    assert_eq!(api.connections(), 1);
}

#[tokio::test]
async fn dropping_the_gateway_gives_its_port_back() {
    let dns = "127.0.0.1:1".parse().unwrap();
    let domain = "myproj.localhost".to_owned();
    let gateway = Gateway::start(listener(), dns, AddressBook::default(), domain).unwrap();
    let address = gateway.address();
    assert!(TcpListener::bind(address).is_err());
    drop(gateway);
    eventually(|| TcpListener::bind(address).is_ok()).await;
}

#[tokio::test]
async fn dropping_the_gateway_ends_its_connections_and_tunnels() {
    let (net, api) = with_api().await;
    let mut tunnel = TcpStream::connect(net.gateway.address()).await.unwrap();
    let port = api.address.port();
    let connect = format!("CONNECT api.stage.myproj.localhost:{port} HTTP/1.1\r\n\r\n");
    tunnel.write_all(connect.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 4096];
    assert!(tunnel.read(&mut buffer).await.unwrap() > 0);
    let mut idle = TcpStream::connect(net.gateway.address()).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    assert!(idle.read(&mut buffer).await.unwrap() > 0);
    drop(net);
    for stream in [&mut tunnel, &mut idle] {
        let end = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut buffer)).await;
        assert!(matches!(end.expect("it stays open"), Ok(0) | Err(_)));
    }
}

/// The header `Proxy-Status` of the answer to a request.
async fn proxy_status(net: &Net, host: &str) -> Option<String> {
    let request = format!(
        "GET / HTTP/1.1\r\nhost: {host}.stage.myproj.localhost\r\nconnection: close\r\n\r\n"
    );
    let (head, _) = net.exchange(&request).await;
    let value = head
        .lines()
        .find_map(|line| line.strip_prefix("proxy-status: "));
    value.map(str::to_owned)
}

#[tokio::test]
async fn an_answer_of_the_gateways_own_is_marked_as_such_with_its_kind() {
    let (net, api) = with_api().await;
    assert_eq!(proxy_status(&net, "api").await, None);
    for (host, manner, error) in [
        ("rude", Manner::HangsUp, "connection_terminated"),
        ("silent", Manner::Silent, "http_response_timeout"),
    ] {
        let service = Service::start(host, manner).await;
        net.boot(&service);
        net.point(host, &[&service]);
        let said = proxy_status(&net, host).await;
        assert_eq!(said, Some(format!("cutover-gateway; error={error}")));
    }
    net.boot_at(*api.address.ip(), Some(1));
    let said = proxy_status(&net, "api").await;
    let refused = "cutover-gateway; error=connection_refused";
    assert_eq!(said.as_deref(), Some(refused));
}
