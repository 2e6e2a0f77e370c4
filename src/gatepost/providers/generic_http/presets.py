"""Ready settings for known interfaces; every value may be edited."""

from gatepost.providers.manifest import Preset

BULKSMS_JSON = Preset(
    slug="bulksms_json",
    label="BulkSMS (JSON)",
    help="Username is the token id, password the token secret.",
    settings={
        "method": "POST",
        "url": "https://api.bulksms.com/v1/messages",
        "auth": "basic",
        "body_format": "json",
        "body": '{"from": "{{sender?}}", "to": "%TO%", "body": "%MESSAGE%"}',
        "rules": ["status equals 201 -> success"],
        "id_from": "json:[0].id",
    },
)

BULKSMS_EAPI = Preset(
    slug="bulksms_eapi",
    label="BulkSMS (EAPI, legacy)",
    help="Use the address of the site where the account was opened.",
    settings={
        "method": "POST",
        "url": "https://bulksms.2way.co.za/eapi/submission/send_sms/2/2.0",
        "body_format": "form",
        "body": "username={{username}}&password={{password}}&message=%MESSAGE%&msisdn=%TO%&concat_text_sms_max_parts=4",
        "unicode_body": "username={{username}}&password={{password}}&message={{text|hex_utf16be}}&msisdn=%TO%&dca=16bit"
        "&concat_text_sms_max_parts=4",
        "number_format": "digits",
        "charset": "iso-8859-1",
        "rules": [
            "body starts_with 0|IN_PROGRESS| -> success",
            r"body regex ^23\| -> auth",
            r"body regex ^25\| -> no_credit",
            r"body regex ^(?:26|28|40)\| -> temporary",
            r"body regex ^27\| -> throttled",
        ],
        "id_from": r"regex:^0\|IN_PROGRESS\|(\d+)",
    },
)

CLICKATELL = Preset(
    slug="clickatell_platform",
    label="Clickatell (platform)",
    settings={
        "method": "POST",
        "url": "https://platform.clickatell.com/messages",
        "auth": "header_key",
        "body_format": "json",
        "body": '{"to": ["%TO%"], "content": "%MESSAGE%"}',
        "number_format": "digits",
        "result_items_path": "json:messages",
        "result_id_path": "apiMessageId",
        "result_ok_rule": "json:accepted equals true",
        "result_error_path": "errorDescription",
    },
)

KANNEL = Preset(
    slug="kannel",
    label="Kannel (sendsms)",
    help="Write the host of your smsbox into the URL. Reports come through dlr-url; max-messages = 0 in the "
    "sms-service keeps Kannel from answering incoming messages.",
    settings={
        "method": "GET",
        "url": "http://HOST:13013/cgi-bin/sendsms",
        "body_format": "none",
        "query": [
            "username={{username}}",
            "password={{password}}",
            "from={{sender?}}",
            "to={{to}}",
            "text={{text}}",
            "charset=UTF-8",
            "coding={{coding}}",
            "dlr-mask=31",
            "dlr-url={{dlr_url?}}",
        ],
        "coding_gsm": "0",
        "coding_unicode": "2",
        "ok_statuses": "202",
        "rules": [
            "body regex ^(0|3): -> success",
            "body contains Not routable. Do not try again. -> permanent",
            "body contains Temporal failure, try again later. -> temporary",
        ],
        "unprocessed_statuses": "503",
        "dlr_enabled": True,
        "dlr_suffix": "&status=%d&err=%A",
        "dlr_parse": "form",
        "dlr_status": "status",
        "dlr_error": "err",
        "status_preset": "kannel",
    },
)

JASMIN = Preset(
    slug="jasmin",
    label="Jasmin",
    help="Write the host of your Jasmin into the URL.",
    settings={
        "method": "POST",
        "url": "http://HOST:1401/send",
        "body_format": "form",
        "body": "username={{username}}&password={{password}}&to={{to}}&from={{sender?}}&content={{text}}"
        "&coding={{coding}}&dlr={{dlr_url|if:yes:no}}&dlr-level=2&dlr-method=POST&dlr-url={{dlr_url?}}",
        "unicode_body": "username={{username}}&password={{password}}&to={{to}}&from={{sender?}}"
        "&hex-content={{text|hex_utf16be}}&coding={{coding}}&dlr={{dlr_url|if:yes:no}}&dlr-level=2&dlr-method=POST"
        "&dlr-url={{dlr_url?}}",
        "coding_gsm": "0",
        "coding_unicode": "8",
        "number_format": "digits",
        "rules": [
            'body starts_with Success " -> success',
            "body contains Authentication failure -> auth",
            "body contains Cannot charge submit_sm -> no_credit",
        ],
        "id_from": 'regex:^Success "([^"]+)"',
        "dlr_enabled": True,
        "dlr_reply_body": "ACK/Jasmin",
        "mo_text": "content",
        "mo_reply_body": "ACK/Jasmin",
    },
)

BURSTSMS = Preset(
    slug="burstsms",
    label="BurstSMS (Transmit SMS)",
    help="Username is the API key, password the secret.",
    settings={
        "method": "POST",
        "url": "https://api.transmitsms.com/send-sms.json",
        "auth": "basic",
        "body_format": "form",
        "body": "to=%TO%&message=%MESSAGE%&from={{sender?}}",
        "number_format": "digits",
        "success_text": '"code":"SUCCESS"',
        "id_from": "json:message_id",
        "balance_url": "https://api.transmitsms.com/get-balance.json",
        "balance_field": "balance",
    },
)

PLAYSMS = Preset(
    slug="playsms",
    label="playSMS (generic)",
    help="Address and parameter names differ between installations and were not found: fill them in.",
    settings={
        "method": "GET",
        "url": "",
        "body_format": "none",
        "rules": [r"body regex ^[1-9][0-9]*\b -> success", r"body regex ^0\b -> permanent"],
        "id_from": r"regex:^([1-9][0-9]*)\b",
        "text_encoding_unicode": "hex_utf16be",
        "coding_unicode": "8",
        "dlr_enabled": True,
        "dlr_id": "id",
        "dlr_status": "message_status",
        "status_preset": "playsms",
        "mo_from": "from",
        "mo_to": "to",
        "mo_text": "message",
    },
)

PRESETS = (BULKSMS_JSON, BULKSMS_EAPI, CLICKATELL, KANNEL, JASMIN, BURSTSMS, PLAYSMS)
