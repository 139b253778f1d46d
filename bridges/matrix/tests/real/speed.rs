//! How fast messages go out, next to what the homeserver and matrix-sdk take for the same by themselves.
//! `cargo nextest run --config-file tests/nextest.toml --run-ignored only -E 'test(messages_go_out)' --no-capture`

use std::time::{Duration, Instant};

use drawbridge_bridge::Event;
use matrix_sdk::reqwest::Client as Http;
use matrix_sdk::ruma::events::room::message::RoomMessageEventContent;
use serde_json::json;

use super::{homeserver, in_talk};

const BURST: u32 = 500;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures, and tests nothing"]
#[allow(clippy::print_stdout, reason = "the figures are the result")]
async fn how_fast_messages_go_out() {
    let synapse = homeserver().await;
    let (alice, running, bob, conv, room) = in_talk(&synapse.url()).await;
    running.say(&conv.id, "first", "first").await.unwrap();
    let told = |what: &str, start: Instant| {
        let each = start.elapsed() / BURST;
        println!("{what}: {each:.1?} a message, {:.1} a second", 1.0 / each.as_secs_f64());
    };

    let token = bob.client.access_token().unwrap();
    let (http, url) =
        (Http::new(), format!("{}/_matrix/client/v3/rooms/{}/send/m.room.encrypted", synapse.url(), room.room_id()));
    let start = Instant::now();
    for n in 0..BURST {
        let sealed = json!({"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "A".repeat(300), "session_id": "s",
            "sender_key": "k", "device_id": "d"});
        let request = http.put(format!("{url}/raw{n}")).bearer_auth(&token).body(sealed.to_string());
        assert!(request.send().await.unwrap().status().is_success());
    }
    told("the homeserver by itself", start);
    tokio::time::sleep(Duration::from_secs(5)).await;

    let start = Instant::now();
    for n in 0..BURST {
        room.send(RoomMessageEventContent::text_plain(format!("plain {n}"))).await.unwrap();
    }
    told("matrix-sdk by itself", start);
    let last = format!("plain {}", BURST - 1);
    alice.ledger.await_text(&last).await;

    let start = Instant::now();
    for n in 0..BURST {
        running.say(&conv.id, &format!("ours {n}"), &format!("t{n}")).await.unwrap();
    }
    told("through the bridge", start);
    bob.hears(&format!("ours {}", BURST - 1)).await;
    let sealed = alice.ledger.events.lock().unwrap().iter().filter(|e| matches!(e.event, Event::Undecryptable)).count();
    assert_eq!(sealed, 500, "the homeserver's own share");
    running.stop().await;
}
