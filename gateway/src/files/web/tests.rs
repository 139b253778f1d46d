use super::super::host::{Host, Reply};
use super::*;

fn config(own: &[&str]) -> FilesConfig {
    FilesConfig { own_hosts: own.iter().map(|&host| host.to_owned()).collect(), ..FilesConfig::default() }
}

async fn host() -> (Host, Web) {
    let host = Host::new().await;
    let web = Web::trusting(&config(&["localhost"]), Some(host.certificate.clone()));
    (host, web)
}

#[tokio::test]
async fn what_is_there_comes_and_no_more_than_was_asked_for() {
    let (host, web) = host().await;
    host.has("/file", Reply::File(vec![7; 100_000]));
    assert_eq!(web.get(&host.url("/file"), 100_000).await, Ok(vec![7; 100_000]));
    assert_eq!(web.get(&host.url("/file"), 99_999).await, Err(WebError::TooLong(99_999)));
    host.has("/endless", Reply::Endless);
    assert_eq!(web.get(&host.url("/endless"), 1_000_000).await, Err(WebError::TooLong(1_000_000)));
}

#[tokio::test]
async fn nobody_is_waited_for_for_ever() {
    let (host, web) = host().await;
    host.has("/slow", Reply::Slow);
    let (url, begun) = (host.url("/slow"), tokio::time::Instant::now());
    let coming = tokio::spawn(async move { web.get(&url, 10).await });
    while host.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // From here on, time passes as soon as nothing else happens.
    tokio::time::pause();
    assert_eq!(coming.await.unwrap(), Err(WebError::Unreachable));
    let took = begun.elapsed();
    assert!(took >= PATIENCE.1 && took < PATIENCE.1 + Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn what_may_pass_is_told_from_what_will_not() {
    let (host, web) = host().await;
    for (status, may_pass) in [(404, false), (403, false), (410, false), (429, true), (500, true), (503, true)] {
        host.has("/file", Reply::Status(status));
        let error = web.get(&host.url("/file"), 1).await.unwrap_err();
        assert_eq!((error.clone(), error.may_pass()), (WebError::Status(status), may_pass));
    }
    let gone = web.get("https://localhost:1/", 1).await.unwrap_err();
    assert_eq!((gone.clone(), gone.may_pass()), (WebError::Unreachable, true));
}

#[tokio::test]
async fn redirects_are_judged_as_first_addresses_are_and_there_are_few() {
    let (host, web) = host().await;
    host.has("/file", Reply::File(b"words".to_vec()));
    host.has("/1", Reply::Redirect("/2".to_owned()));
    host.has("/2", Reply::Redirect(host.url("/3")));
    host.has("/3", Reply::Redirect("/file".to_owned()));
    host.has("/0", Reply::Redirect("/1".to_owned()));
    assert_eq!(web.get(&host.url("/1"), 10).await, Ok(b"words".to_vec()));
    assert_eq!(web.get(&host.url("/0"), 10).await, Err(WebError::Unreachable));
    for (to, refused) in [
        ("https://169.254.169.254/latest", Refused::NotPublic),
        ("https://127.0.0.1:22/", Refused::NotPublic),
        ("file:///etc/passwd", Refused::Scheme),
        ("http://example.org/", Refused::Scheme),
    ] {
        host.has("/away", Reply::Redirect(to.to_owned()));
        assert_eq!(web.get(&host.url("/away"), 10).await, Err(WebError::Refused(refused)), "{to}");
    }
}

/// The addresses of D3 are in `xmpp-files`; here is what only a resolver and a connection show.
#[tokio::test]
async fn nothing_connects_to_the_own_network_by_any_name() {
    let host = Host::new().await;
    let web = Web::trusting(&config(&[]), Some(host.certificate.clone()));
    let name = |name: &str| host.url("/file").replace("localhost", name);
    for url in [host.url("/file"), name("127.0.0.1"), name("[::1]"), name("0x7f.1"), name("localhost.")] {
        assert!(matches!(web.get(&url, 10).await, Err(WebError::Refused(_))), "{url}");
        assert!(matches!(web.put(&url, &[], "text/plain", vec![1]).await, Err(WebError::Refused(_))), "{url}");
    }
    // A name that is public as far as it looks, and leads here.
    let resolved = Public(Arc::from([])).resolve("localhost".parse().unwrap()).await;
    let refused = resolved.err().and_then(|error| error.downcast::<Refused>().ok());
    assert_eq!(refused.as_deref(), Some(&Refused::NotPublic));
    let error = web.client().unwrap().get(host.url("/file")).send().await.unwrap_err();
    assert_eq!(unreachable(&error), WebError::Refused(Refused::NotPublic), "and says so");
    let own = Public(Arc::from(["localhost".to_owned()])).resolve("localhost".parse().unwrap()).await;
    assert!(own.unwrap().all(|address| address.ip().is_loopback()));
    assert!(host.asked().is_empty(), "{:?}", host.asked());
}

#[tokio::test]
async fn in_clear_is_spoken_with_own_hosts_alone() {
    let web = Web::new(&config(&["127.0.0.1"]));
    assert_eq!(web.get("http://127.0.0.1:1/", 1).await, Err(WebError::Unreachable));
    assert_eq!(web.get("http://example.com/", 1).await, Err(WebError::Refused(Refused::Scheme)));
}
