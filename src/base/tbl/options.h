/* Every option of the configuration file:
 *     X(name = field of struct config without its unit, field, kind, least, most, default, unit, text)
 * Kinds are those of config_priv.h. Least and most are in the unit of the field, 0 and 0 where they
 * mean nothing. What `mast apply` can change while the station runs does not belong here. */
X(public_url, public_url, URL, 0, 0, "", "address",
  "Where the public reaches this station, \"https://radio.example\". All links in pages, playlists "
  "and alarms are made from it. Needed unless every listen address is a loopback one.")
X(listen, listen, ADDRESSES, 0, 0, "127.0.0.1:8000", "addresses with ports",
  "Where listeners, sources and browsers are waited for: {\"0.0.0.0:8000\", \"[::]:8000\"}. "
  "Port 0 takes any free one.")
X(data_folder, data_folder, FOLDER, 0, 0, "./mast-data", "folder",
  "Where everything that mast keeps is: recordings, the board, keys, logs.")
X(trusted_proxies, trusted_proxies, NETWORKS, 0, 0, "", "addresses or networks",
  "Proxies whose word about the listener's address is taken: {\"127.0.0.1\", \"10.0.0.0/8\"}.")
X(host_name, host_name, TEXT, 0, 0, "", "name",
  "The host that pages as Icecast's show; by default the one of public_url, else localhost.")
X(location, location, TEXT, 0, 0, "", "text", "Where the server stands, as Icecast shows it.")
X(admin_contact, admin_contact, TEXT, 0, 0, "", "address",
  "Whom to write to, as Icecast shows it.")
X(log_level, log_level, LEVEL, 0, 0, "info", "debug, info, warn or error",
  "The least important lines that are written to stderr.")
X(access_log, access_log, BOOL, 0, 0, "true", "true or false",
  "Whether requests are written to access.log in the data folder.")
X(shoutcast, shoutcast, BOOL, 0, 0, "true", "true or false",
  "Whether SHOUTcast v1 sources may log in on each listen port + 1.")
X(loops, loops, COUNT, 0, 16, "0", "threads",
  "How many threads serve connections; 0 is one for each processor core, at most 16.")
X(listeners_max, listeners_max, COUNT, 1, 1000000, "10000", "listeners",
  "How many listeners are served at once; the next one is told to come back later.")
X(unfinished_per_address_max, unfinished_per_address_max, COUNT, 1, 100000, "32", "requests",
  "How many requests whose head is not complete one address may have open. Listeners do not count.")
X(burst, burst_ms, MILLISECONDS, 0, 20000, "3s", "duration",
  "How much sound a new listener is sent at once, so that his player starts and keeps playing.")
X(retention, retention_s, SECONDS, 600, 316224000, "7d", "duration",
  "How long recordings are kept.")
X(disk_share, disk_share_percent, PERCENT, 1, 95, "20%", "per cent",
  "How much of the file system all recordings together may fill; the oldest hours go first.")
X(alarm_webhook, alarm_webhook, HOOK, 0, 0, "", "address",
  "Where alarms are posted to as JSON, \"https://hooks.example/services/abc\". What chat programs "
  "show is in \"text\". Try it with `mast alarm test`.")
X(alarm_webhook_private, alarm_webhook_private, BOOL, 0, 0, "false", "true or false",
  "Whether alarm_webhook may lie at a private address: in this house, on this machine.")
X(alarm_mail_server, alarm_mail_server, MAIL_SERVER, 0, 0, "", "address",
  "The mail server that takes alarms: \"smtp://mail.example:587\" (with STARTTLS if there is a "
  "password), or \"smtps://mail.example\".")
X(alarm_mail_user, alarm_mail_user, TEXT, 0, 0, "", "name",
  "Who logs in at alarm_mail_server, if it wants that.")
X(alarm_mail_password, alarm_mail_password, SECRET, 0, 0, "", "password",
  "The password of alarm_mail_user; it is never sent without TLS.")
X(alarm_mail_from, alarm_mail_from, MAIL_ADDRESS, 0, 0, "", "mail address",
  "Whom mails about alarms come from.")
X(alarm_mail_to, alarm_mail_to, MAIL_ADDRESS, 0, 0, "", "mail address",
  "Who gets mails about alarms.")
X(alarm_ca_file, alarm_ca_file, TEXT, 0, 0, "", "file",
  "Certificates (PEM) of authorities that alarm_webhook and alarm_mail_server may have theirs from, "
  "besides those that this system trusts: for servers of one's own house.")
X(alarm_repeat, alarm_repeat_s, SECONDS, 60, 604800, "30m", "duration",
  "How often an alarm that lasts is told again, and how long one that comes back is held back.")
