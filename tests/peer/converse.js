// Converse.js as somebody uses it: told by tests/peer/converse.py what to do, and telling it what happens, through `tell`.
/* global converse, given, tell */

const OLDER = 'eu.siacs.conversations.axolotl';
const NEWER = 'urn:xmpp:omemo:2';
const { Strophe, stx } = converse.env;


const say = (event, details) => tell(JSON.stringify({ event, ...details }));

// Two nodes that nobody has make it a client of the older dialect, as it was before version 14.
if (!given.speaks.includes(NEWER)) {
    Object.assign(Strophe.NS, { OMEMO2_DEVICELIST: 'urn:nobody:devices', OMEMO2_BUNDLES: 'urn:nobody:bundles' });
}

async function until(what, found) {
    const deadline = Date.now() + 30_000;
    for (;;) {
        const it = await found();
        if (it) return it;
        if (Date.now() > deadline) throw new Error(`there is no ${what}`);
        await new Promise((done) => setTimeout(done, 50));
    }
}

/** Whether our server gives out our device at this node. */
async function isPublished(api, node) {
    const question = stx`<iq type="get" xmlns="jabber:client">
        <pubsub xmlns="${Strophe.NS.PUBSUB}"><items node="${node}"/></pubsub></iq>`;
    const answer = await api.sendIQ(question, 10_000, false);
    return answer.outerHTML.includes(await api.omemo.getDeviceID());
}

// The window of a chat.
const windowOf = (jid) => document.querySelector(`converse-chat[jid="${jid}"]`);

const press = (field, key) => field.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));

const peer = {
    /** Opens the chat and locks it. */
    async open(jid) {
        const chat = await peer.api.chats.open(jid, {}, true);
        await until('support for OMEMO', () => chat.get('omemo_supported'));
        const lock = await until('lock', () => windowOf(jid)?.querySelector('.toggle-omemo'));
        if (!chat.get('omemo_active')) lock.click();
        await until('locked chat', () => chat.get('omemo_active'));
    },

    async type(jid, text) {
        await peer.open(jid);
        const field = await until('field', () => windowOf(jid)?.querySelector('.chat-textarea:not([disabled])'));
        press(field, 'End'); // at which it says that somebody types
        field.value = text;
        press(field, 'Enter');
    },

    /** Types over what was said last. */
    async retype(jid, text) {
        const field = windowOf(jid).querySelector('.chat-textarea');
        press(field, 'ArrowUp');
        await until('earlier words', () => field.value);
        field.value = text;
        press(field, 'Enter');
    },

    /** The field, behind the button with the clip, that a file to send is put in. */
    async fileField(jid) {
        await peer.open(jid);
        return await until('field for files', () => windowOf(jid)?.querySelector('.fileupload'));
    },

    /** Tells of a file once the chat shows it: fetched and opened. */
    async show(jid, id, url) {
        await peer.api.chats.open(jid, {}, true);
        const shown = `[data-msgid="${id}"] :is(img[src^="blob:"], a[href^="blob:"])`;
        const it = await until('file', () => windowOf(jid)?.querySelector(shown));
        const file = await fetch(it.src ?? it.href);
        say('file', { url, octets: new Uint8Array(await file.arrayBuffer()).toBase64() });
    },

    /** Tells of the messages of a chat, once each time that one of them says something else. */
    follow(chat) {
        const told = new Map();
        const look = (message) => {
            const { msgid, sender, type, is_encrypted, encrypted, received } = message.attributes;
            const text = message.getMessageText();
            const now = JSON.stringify([text, sender === 'me' && received]);
            if (told.get(message.cid) === now) return;
            told.set(message.cid, now);
            const details = { id: msgid, text, from: chat.get('jid') };
            const why = message.get('error_text');
            if (why || type === 'error') say('error', { ...details, mine: sender === 'me', why });
            else if (sender === 'me') say(received ? 'receipt' : 'mine', details);
            else if (is_encrypted) {
                say('message', { ...details, dialect: encrypted?.iv ? OLDER : NEWER });
                if (text.startsWith('aesgcm://')) peer.show(details.from, msgid, text);
            }
            else if (text) say('clear', details);
        };
        chat.messages.on('add', look);
        chat.messages.on('change', look);
    },
};

converse.plugins.add('peer', {
    initialize() {
        const { api } = this._converse;
        peer.api = api;
        api.listen.on('chatBoxInitialized', peer.follow);
        api.waitUntil('OMEMOInitialized').then(async () => {
            await api.waitUntil('rosterContactsFetched');
            // It says so once the older dialect is ready.
            await until('bundle', () => isPublished(api, Strophe.NS.OMEMO2_BUNDLES));
            await until('list', () => isPublished(api, Strophe.NS.OMEMO2_DEVICELIST));
            say('online');
        });
    },
});

converse.initialize({
    jid: given.jid,
    password: given.password,
    websocket_url: given.websocket,
    authentication: 'login',
    auto_login: true,
    discover_connection_methods: false,
    assets_path: '/',
    view_mode: 'overlayed',
    i18n: 'en',
    loglevel: 'debug',
    play_sounds: false,
    show_desktop_notifications: false,
    whitelisted_plugins: ['peer'],
    // What comes now and from the archive at once it decrypts twice, and shows in clear what is for those who cannot.
    blacklisted_plugins: ['converse-mam'],
});
window.peer = peer;
