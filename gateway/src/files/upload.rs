//! Putting a file on the upload service of the user's server (XEP-0363).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jid::{BareJid, Jid};
use minidom::Element;
use tokio::time::Instant;
use xmpp_files::egress::Target;

use super::web::WebError;
use crate::keeper::Keeper;
use crate::xmpp::element::{Build, element, stanza};
use crate::xmpp::ns;
use crate::xmpp::requests::AskError;

/// So many items of a server are asked what they are.
const ITEMS: usize = 32;
/// Where the service is, or that there is none, is asked again after so long.
const REST: Duration = Duration::from_secs(600);
/// What a server may set (XEP-0363, section 5).
const HEADERS: [&str; 3] = ["authorization", "cookie", "expires"];

/// The services that servers have named.
#[derive(Default)]
pub struct Uploads(Mutex<HashMap<BareJid, (Instant, Option<Service>)>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Service {
    jid: BareJid,
    /// In octets.
    max: Option<u64>,
}

/// A file to be put down, as the server is told of it.
pub struct Wanted<'a> {
    /// In the URL.
    pub name: &'a str,
    /// As `image/png`.
    pub media_type: &'a str,
    /// All of it.
    pub octets: Vec<u8>,
}

/// Why it was not put down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// The user's server has none.
    #[error("your server has no place for files (XEP-0363)")]
    NoService,
    /// Longer than the service takes.
    #[error("it is longer than your server takes, {0} octets")]
    TooLong(u64),
    /// The service lets this component put nothing down.
    #[error("your server gives Drawbridge no place for files ({0}): see its documentation on http_file_share_access")]
    Refused(String),
    /// It does not answer, or not as the XEP has it.
    #[error("your server's place for files does not answer")]
    NoAnswer,
    /// It is where we do not go, or gives out what clients do not take.
    #[error(
        "your server's place for files is at an address that Drawbridge does not go to; [files] own_hosts can name its host"
    )]
    Address,
    /// It cannot be put there.
    #[error("your server's place for files: {0}")]
    Web(#[from] WebError),
}

impl UploadError {
    /// Whether it may work later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NoAnswer => true,
            Self::Web(error) => error.may_pass(),
            Self::NoService | Self::TooLong(_) | Self::Refused(_) | Self::Address => false,
        }
    }
}

/// Puts a file down for a user: the URL it is found at.
///
/// # Errors
/// See [`UploadError`].
pub async fn upload(keeper: &Arc<Keeper>, user: &BareJid, wanted: Wanted<'_>) -> Result<String, UploadError> {
    let service = service(keeper, user).await.ok_or(UploadError::NoService)?;
    let size = u64::try_from(wanted.octets.len()).unwrap_or(u64::MAX);
    if let Some(max) = service.max.filter(|max| size > *max) {
        return Err(UploadError::TooLong(max));
    }
    let request = element("request", ns::UPLOAD)
        .with("filename", wanted.name)
        .with("size", size.to_string())
        .with("content-type", wanted.media_type);
    let answer = match ask(keeper, &service.jid, "get", request).await {
        Ok(answer) => answer,
        Err(AskError::Refused { condition, .. }) => return Err(UploadError::Refused(condition)),
        Err(_) => return Err(UploadError::NoAnswer),
    };
    let slot = Slot::read(&answer).ok_or(UploadError::NoAnswer)?;
    // Clients take nothing else (XEP-0447, XEP-0454), and it is for everybody to see where the file is.
    let is_legal = Target::parse_own(&slot.get, false, &keeper.web.own_hosts()).is_ok_and(|it| it.url == slot.get);
    if !is_legal {
        return Err(UploadError::Address);
    }
    match keeper.web.put(&slot.put, &slot.headers, wanted.media_type, wanted.octets).await {
        Ok(()) => Ok(slot.get),
        Err(WebError::Refused(_)) => Err(UploadError::Address),
        Err(error) => Err(error.into()),
    }
}

struct Slot {
    put: String,
    headers: Vec<(String, String)>,
    get: String,
}

impl Slot {
    fn read(answer: &Element) -> Option<Self> {
        let slot = answer.get_child("slot", ns::UPLOAD)?;
        let put = slot.get_child("put", ns::UPLOAD)?;
        let header = |header: &Element| {
            let (name, value) = (header.attr("name")?.to_ascii_lowercase(), header.text().replace(['\r', '\n'], ""));
            HEADERS.contains(&name.as_str()).then_some((name, value))
        };
        let headers = put.children().filter(|child| child.is("header", ns::UPLOAD)).filter_map(header).collect();
        let get = slot.get_child("get", ns::UPLOAD)?.attr("url")?.to_owned();
        Some(Self { put: put.attr("url")?.to_owned(), headers, get })
    }
}

/// The service that the operator names, or the first that the user's server does (section 3).
async fn service(keeper: &Arc<Keeper>, user: &BareJid) -> Option<Service> {
    let server = BareJid::from_parts(None, user.domain());
    let known = |uploads: &Uploads| {
        let known = uploads.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&server).filter(|(at, _)| at.elapsed() < REST).map(|(_, service)| service.clone())
    };
    if let Some(known) = known(&keeper.uploads) {
        return known;
    }
    let found = match &keeper.config.files.upload {
        Some(jid) => Some(described(keeper, jid).await.unwrap_or(Service { jid: jid.clone(), max: None })),
        None => discovered(keeper, &server).await,
    };
    let mut known = keeper.uploads.0.lock().unwrap_or_else(PoisonError::into_inner);
    known.insert(server, (Instant::now(), found.clone()));
    found
}

async fn discovered(keeper: &Arc<Keeper>, server: &BareJid) -> Option<Service> {
    let items = ask(keeper, server, "get", element("query", ns::DISCO_ITEMS)).await.ok()?;
    let items = items.get_child("query", ns::DISCO_ITEMS)?;
    let jids = items.children().filter_map(|item| BareJid::new(item.attr("jid")?).ok());
    // The server itself may be one.
    for jid in jids.filter(|jid| jid.node().is_none()).take(ITEMS).chain([server.clone()]) {
        if jid != keeper.domain
            && let Some(service) = described(keeper, &jid).await
        {
            return Some(service);
        }
    }
    None
}

/// What a service says of itself; nothing if it takes no files.
async fn described(keeper: &Arc<Keeper>, jid: &BareJid) -> Option<Service> {
    let info = ask(keeper, jid, "get", element("query", ns::DISCO_INFO)).await.ok()?;
    let query = info.get_child("query", ns::DISCO_INFO)?;
    let is_one = query.children().any(|it| it.is("feature", ns::DISCO_INFO) && it.attr("var") == Some(ns::UPLOAD));
    let field = |form: &Element, var: &str| {
        let field = form.children().find(|field| field.attr("var") == Some(var))?;
        Some(field.get_child("value", ns::DATA_FORMS)?.text())
    };
    let forms = query.children().filter(|child| child.is("x", ns::DATA_FORMS));
    let form = forms.filter(|form| field(form, "FORM_TYPE").as_deref() == Some(ns::UPLOAD)).last();
    let max = form.and_then(|form| field(form, "max-file-size")?.parse().ok());
    is_one.then(|| Service { jid: jid.clone(), max })
}

async fn ask(keeper: &Arc<Keeper>, to: &BareJid, kind: &str, payload: Element) -> Result<Element, AskError> {
    let (from, to) = (Jid::from(keeper.domain.clone()), Jid::from(to.clone()));
    keeper.requests.ask(&keeper.out, stanza("iq", &from, &to).with("type", kind).with_child(payload)).await
}
