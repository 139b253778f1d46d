//! A key that expires: nothing is taken from it or sealed for it, its owner is told, and what waited comes once it is renewed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openpgp_xmpp::Key;

use super::openpgp::{Client, stanza_with};
use super::*;
use crate::store::{Protection, contacts};

/// Made by GnuPG, for this story only: until the second of January 2026, and then for ever.
const EXPIRED: &str = "lFgEaVYpgBYJKwYBBAHaRw8BAQdAXUa4F3pp5hUa5THEAI1CjUFHT5xVEgu+OwV2yyoMGYgAAPsHSSb3pAI2xgx7vXjYp32z+1oHDyzyc38ChbJSA7IXHQ5k\
     tBZ4bXBwOmFsaWNlQGV4YW1wbGUub3JniJYEExYIAD4WIQReDJj40El3wE+6IVbLhxBNdKjVBwUCaVYpgAIbAwUJAAFRgAULCQgHAgYVCgkICwIEFgIDAQIe\
     AQIXgAAKCRDLhxBNdKjVB8NbAP9bDaCoPF0qPD0tIIEYM5vBR/FhU+KNom8QWjCnni9cWwEA9wXMJ2w4RpE22sK/4vINpzFjtbU1SeSBNWQEB8zjrAqcXQRp\
     VimCEgorBgEEAZdVAQUBAQdAJ7Wm6kRhBIbW0v5ZDBscPa9JjylT3c7cfUhqQSkGhWYDAQgHAAD/SpZlPPCAhFCQtHopa652p7t6DJdhYaM3+lEjSmdNkjgP\
     i4h+BBgWCAAmFiEEXgyY+NBJd8BPuiFWy4cQTXSo1QcFAmlWKYICGwwFCQABUYAACgkQy4cQTXSo1QdDkgD/dVdJDiEuIHGA54LZuaiHaoprwFKRcLXnyYcD\
     DvplPHkA/1WmiU10wx9sfve+wq17S2c24tg3Ubt+g0s7Rct921AB";
const RENEWED: &str = "lFgEaVYpgBYJKwYBBAHaRw8BAQdAXUa4F3pp5hUa5THEAI1CjUFHT5xVEgu+OwV2yyoMGYgAAPsHSSb3pAI2xgx7vXjYp32z+1oHDyzyc38ChbJSA7IXHQ5k\
     tBZ4bXBwOmFsaWNlQGV4YW1wbGUub3JniJAEExYIADgCGwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AWIQReDJj40El3wE+6IVbLhxBNdKjVBwUCaVY3kAAK\
     CRDLhxBNdKjVB++/AP4wduvszkulBN1rPDDeLyNbcH4Kd7ThqEA8W72DzIf5ywEAjB3PSExy5uFKTuZCerRHClk/fVQc75WOUQcXvuEPiAicXQRpVimCEgor\
     BgEEAZdVAQUBAQdAJ7Wm6kRhBIbW0v5ZDBscPa9JjylT3c7cfUhqQSkGhWYDAQgHAAD/SpZlPPCAhFCQtHopa652p7t6DJdhYaM3+lEjSmdNkjgPi4h4BBgW\
     CAAgAhsMFiEEXgyY+NBJd8BPuiFWy4cQTXSo1QcFAmlWN5EACgkQy4cQTXSo1QdJ/QEA3CkgZ3euyQuC5eKMeRmzcBGVrpP0K8gn50hHe8FrxggA/3aheQBe\
     mdagJ9jcgc0DTphDmpyRIAvnchc9+EeJ2EkD";

fn key(text: &str) -> Key {
    Key::read(&STANDARD.decode(text).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn nothing_crosses_by_a_key_that_has_expired_and_what_waited_comes_when_it_is_renewed() {
    let mut world = World::with_alice().await;
    let mut client = Client::meet(&mut world).await;
    client.key = key(EXPIRED);
    world.online_with("phone", &["urn:xmpp:receipts"]).await;
    // While it counted, Alice has written by it.
    with_store(&world, |db, user| contacts::protect(db, user, &silent(), "phone", Protection::OpenPgp)).await;
    world.takes(&stanza_with("m1", &client.seal("hello"), "")).await;
    let out = client.settle(&mut world).await;
    let refusal = out.iter().find(|stanza| stanza.attr("type") == Some("error")).unwrap();
    assert_eq!((condition(refusal).as_str(), refusal.attr("id")), ("not-acceptable", Some("m1")));

    let is_notice =
        |stanza: &Element| body(stanza).is_some_and(|text| text.contains("cannot be encrypted for any client"));
    for notices in [1, 0] {
        world.far().says(&silent(), "this waits");
        sleep(IDLE / 2).await;
        let out = client.settle(&mut world).await;
        assert_eq!(out.iter().filter(|stanza| is_notice(stanza)).count(), notices, "{out:?}");
        assert!(!out.iter().any(|stanza| text(stanza).contains("this waits")), "{out:?}");
        assert!(!out.iter().any(|stanza| client.open(stanza).is_some()), "{out:?}");
    }
    client.key = key(RENEWED);
    sleep(IDLE / 2).await;
    let out = client.settle(&mut world).await;
    let heard: Vec<_> =
        out.iter().filter_map(|stanza| client.open(stanza)).filter(|said| said == "this waits").collect();
    assert_eq!(heard.len(), 2, "{out:?}");
    world.takes(&stanza_with("m2", &client.seal("here again"), "")).await;
    client.settle(&mut world).await;
    assert_eq!(contact_has(&world, 1).await, ["here again"]);
}
