use super::*;

/// The kernel's table is a file of the test's, and ten seconds are one.
#[test]
fn a_connection_that_lasts_is_told_and_so_is_its_end() {
    let machine = Machine::under_systemd("systemd-connections");
    let (path, table) = (machine.0.join("opt/ship-pieces"), machine.0.join("tcp"));
    let has = |lines: &str| fs::write(&table, format!("sl local remote st\n{lines}")).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let text = text
        .replace("drains=\"\"", "drains=\"1F90\"")
        .replace("/proc/net/tcp6", "/none");
    let text = text.replace("/proc/net/tcp", &table.display().to_string());
    let text = text
        .replace("-ge 10 ]", "-ge 1 ]")
        .replace("SECONDS + 10", "SECONDS");
    fs::write(&path, text.replace("pause=4", "pause=1")).unwrap();
    let others = "0: 0100000A:1F90 00000000:0000 0A\n1: 0100000A:0016 0300000A:C001 01\n\
        2: 0100007F:1F90 0100007F:C002 01\n";
    has(others);
    let mut shipping = machine.bash("opt/ship-pieces").spawn().unwrap();
    let tells = |told: &str| {
        let begun = Instant::now();
        while machine.object("instance-i-1.connections").as_deref() != Some(told) {
            assert!(begun.elapsed() < LIMIT, "it does not tell {told}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    tells("0\n");
    has(&format!("{others}3: 0100000A:1F90 0400000A:C003 01\n"));
    tells("1\n");
    has(others);
    tells("0\n");
    shipping.kill().unwrap();
    shipping.wait().unwrap();
}
