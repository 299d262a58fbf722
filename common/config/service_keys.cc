#include "common/config/service_keys.h"

#include <optional>
#include <utility>

#include "common/config/fleet_check.h"
#include "common/config/fleet_reader.h"
#include "common/config/unit_verbs.h"
#include "common/config/variables.h"
#include "common/git/refs.h"
#include "common/git/url.h"

namespace gitops {
namespace {

using Kind = ValueKind;

constexpr absl::Duration kMaxPoll = absl::Hours(24 * 365);
constexpr absl::Duration kMaxHealthyWithin = absl::Hours(1);
constexpr int64_t kMaxRevisions = 10'000;
constexpr int64_t kMaxFiles = 100'000'000;
constexpr int64_t kLeastGitMemory = int64_t{64} << 20;

// What a key is read from.
struct Reading {
  const TomlTable& table;
  const KeyInfo& info;
  const std::string& directory;

  absl::string_view key() const { return info.name; }
};

// A key whose value is `field(entry)`. `read` returns it, or none if it is not given or has an
// error.
template <typename Field, typename Read>
ServiceKey Key(KeyInfo info, Field field, Read read) {
  return {.info = info,
          .read =
              [info, field, read](const TomlTable& table, const std::string& directory,
                                  ServiceEntry& entry) {
                auto value = read(Reading{table, info, directory});
                if (value.has_value()) field(entry) = *std::move(value);
                return value.has_value();
              },
          .copy = [field](const ServiceEntry& from, ServiceEntry& to) { field(to) = field(from); }};
}

ServiceKey OnlyInServices(ServiceKey key) {
  key.in_global = false;
  return key;
}

// Values with variables are checked when these are set (SetVariables).
template <typename Check>
std::optional<std::string> CheckedTemplate(const Reading& reading, std::optional<std::string> text,
                                           Check check) {
  if (!text.has_value()) return std::nullopt;
  const absl::Status variables = CheckVariables(*text, {kMachineVariable, kServiceVariable});
  const bool plain = text->find("${") == std::string::npos;
  const absl::Status status = variables.ok() && plain ? check(*text) : variables;
  if (status.ok()) return text;
  reading.table.Fault(reading.key(), status.message());
  return std::nullopt;
}

// In gitopper, these count as not given if they are empty.
template <typename Check>
auto UnlessEmpty(Check check) {
  return [check](const Reading& reading) -> std::optional<std::string> {
    std::optional<std::string> text = reading.table.String(reading.key());
    if (text.has_value() && text->empty()) return std::nullopt;
    return CheckedTemplate(reading, std::move(text), check);
  };
}

// An empty value means "none", even if [global] has a default.
template <typename Check>
auto TextOrNone(Check check) {
  return [check](const Reading& reading) -> std::optional<std::string> {
    std::optional<std::string> text = reading.table.String(reading.key());
    if (!text.has_value() || text->empty()) return text;
    return Checked(reading.table, reading.key(), std::move(text), check);
  };
}

template <typename Check>
auto Text(Check check) {
  return
      [check](const Reading& reading) { return CheckedText(reading.table, reading.key(), check); };
}

std::optional<std::string> Path(const Reading& reading) {
  return FilePath(reading.table, reading.key(), reading.directory);
}

std::optional<bool> Bool(const Reading& reading) { return reading.table.Bool(reading.key()); }

std::optional<int64_t> Int(const Reading& reading) {
  return reading.table.Int(reading.key(), *reading.info.least, *reading.info.most);
}

std::optional<int64_t> Bytes(const Reading& reading) { return reading.table.Bytes(reading.key()); }

auto Duration(absl::Duration least, absl::Duration most) {
  return [=](const Reading& reading) { return reading.table.Duration(reading.key(), least, most); };
}

template <typename Value>
auto Choice(Value second) {
  return [second](const Reading& reading) -> std::optional<Value> {
    const auto text = reading.table.Choice(reading.key(), reading.info.choices);
    if (!text.has_value()) return std::nullopt;
    return *text == reading.info.choices[1] ? second : Value();
  };
}

// Empty, which overrides [global] too: by the machine's memory.
std::optional<int64_t> GitMemory(const Reading& reading) {
  if (!reading.table.Has(reading.key())) return std::nullopt;
  if (reading.table.Scalar(reading.key()) == "") return 0;
  const std::optional<int64_t> bytes = reading.table.Bytes(reading.key());
  if (!bytes.has_value() || *bytes >= kLeastGitMemory) return bytes;
  reading.table.Fault(reading.key(), "is less than the 64MiB that git needs for itself");
  return std::nullopt;
}

std::vector<std::string> ActionChoices() {
  std::vector<std::string> actions = UnitVerbNames();
  actions.push_back("none");
  return actions;
}

std::optional<std::string> Action(const Reading& reading) {
  if (reading.table.Has(reading.key()) && reading.table.String(reading.key()) == "") return "";
  std::optional<std::string> action = reading.table.Choice(reading.key(), reading.info.choices);
  if (action == "none") action->clear();
  return action;
}

absl::Status CheckMount(absl::string_view path) { return NormalizeAbsolutePath(path).status(); }

std::optional<DirectorySpec> ReadDirectory(const TomlTable& table) {
  DirectorySpec directory;
  directory.place = table.place();
  directory.local = table.String("local").value_or("");
  directory.link = table.String("link").value_or("");
  Store(table.Bool("file"), directory.file);
  if (!table.Has("local") && !table.Has("link")) {
    table.Fault("local", "is missing: an entry needs a local path and a link into the repository");
    return std::nullopt;
  }
  for (const auto& [key, text] : {std::pair("local", directory.local), {"link", directory.link}}) {
    const absl::Status status = CheckVariables(text, {kMachineVariable, kServiceVariable});
    if (status.ok()) continue;
    table.Fault(key, status.message());
    return std::nullopt;
  }
  return directory;
}

std::optional<std::vector<DirectorySpec>> Directories(const Reading& reading) {
  if (!reading.table.Has(reading.key())) return std::nullopt;
  std::vector<DirectorySpec> directories;
  for (const TomlTable& table : reading.table.Tables(reading.key())) {
    std::optional<DirectorySpec> directory = ReadDirectory(table);
    if (directory.has_value()) directories.push_back(*std::move(directory));
  }
  return directories;
}

const TableInfo& DirectoryTable() {
  static const TableInfo* table = new TableInfo{
      "directory",
      {{.name = "local",
        .help = "the published path, absolute; may contain ${machine} and ${service}"},
       {.name = "link",
        .help = "the directory or file in the repository; may contain ${machine} and ${service}"},
       {.name = "file", .kind = Kind::kBool, .help = "local and link are files"}}};
  return *table;
}

#define FIELD(member) [](auto& entry) -> auto& { return entry.member; }

std::vector<ServiceKey> UpstreamKeys() {
  return {
      Key({.name = "upstream", .help = "the Git repository: a URL or an absolute path"},
          FIELD(upstream.url), UnlessEmpty(CheckUpstreamUrl)),
      Key({.name = "ssh_key", .help = "file with the private key for an ssh upstream"},
          FIELD(upstream.ssh_key), Path),
      Key({.name = "known_hosts", .help = "file with the host keys for an ssh upstream"},
          FIELD(upstream.known_hosts), Path),
      Key({.name = "netrc_file", .help = "file with user and password for an http upstream"},
          FIELD(upstream.netrc_file), Path),
      Key({.name = "ca_file", .help = "file with the authorities for an https upstream"},
          FIELD(upstream.ca_file), Path),
      Key({.name = "proxy", .help = "proxy for http and https upstreams"}, FIELD(upstream.proxy),
          TextOrNone(CheckProxyUrl)),
      Key({.name = "git_memory",
           .kind = Kind::kSize,
           .help = "address space of a git process; empty: by the machine's memory"},
          FIELD(upstream.git_memory), GitMemory),
      Key({.name = "branch", .help = "the branch to follow"}, FIELD(branch),
          UnlessEmpty(CheckBranch)),
  };
}

std::vector<ServiceKey> PublishingKeys() {
  return {
      Key({.name = "mount", .help = "MOUNT/SERVICE has the revisions; absolute"}, FIELD(mount),
          UnlessEmpty(CheckMount)),
      Key({.name = "user", .help = "the account that runs git and owns the files"}, FIELD(user),
          [](const Reading& reading) -> std::optional<std::string> {
            std::optional<std::string> text = reading.table.String(reading.key());
            if (!text.has_value() || text->empty()) return text;
            return CheckedTemplate(reading, std::move(text), CheckUserName);
          }),
      Key({.name = "action",
           .help = "the systemd verb for the unit when files have changed",
           .choices = ActionChoices()},
          FIELD(action), Action),
      Key({.name = "package", .help = "installed if missing"}, FIELD(package),
          TextOrNone(CheckPackage)),
      OnlyInServices(Key({.name = "dirs",
                          .kind = Kind::kTables,
                          .help = "what is published where",
                          .table = &DirectoryTable()},
                         FIELD(directories), Directories)),
      Key({.name = "writable", .kind = Kind::kBool, .help = "false: published by read-only mounts"},
          FIELD(writable), Bool),
      Key({.name = "drift",
           .help = "what to do about changed published files",
           .choices = {"report", "correct"}},
          FIELD(drift), Choice(DriftPolicy::kCorrect)),
  };
}

std::vector<ServiceKey> PolicyKeys() {
  return {
      Key({.name = "poll", .kind = Kind::kDuration, .help = "poll interval of the upstream"},
          FIELD(poll), Duration(kLeastPoll, kMaxPoll)),
      Key({.name = "tracking",
           .help = "coordinated: publishes nothing until a deployment says sync",
           .choices = {"auto", "coordinated"}},
          FIELD(tracking), Choice(Tracking::kCoordinated)),
      Key({.name = "healthy_within",
           .kind = Kind::kDuration,
           .help = "time for the unit to become active"},
          FIELD(healthy_within), Duration(absl::ZeroDuration(), kMaxHealthyWithin)),
      Key({.name = "rollback_on_failure",
           .kind = Kind::kBool,
           .help = "publish the last good revision again if the unit is not active by then"},
          FIELD(rollback_on_failure), Bool),
      Key({.name = "keep_revisions",
           .kind = Kind::kInteger,
           .help = "how many revisions are kept on disk",
           .least = 1,
           .most = kMaxRevisions},
          FIELD(keep_revisions), Int),
      Key({.name = "max_files",
           .kind = Kind::kInteger,
           .help = "maximum number of files of a revision",
           .least = 1,
           .most = kMaxFiles},
          FIELD(max_files), Int),
      Key({.name = "max_bytes", .kind = Kind::kSize, .help = "maximum size of a revision"},
          FIELD(max_bytes), Bytes),
      Key({.name = "max_untracked_files",
           .kind = Kind::kInteger,
           .help = "maximum number of the service's own files that are carried over",
           .least = 1,
           .most = kMaxFiles},
          FIELD(max_untracked_files), Int),
      Key({.name = "max_untracked_bytes",
           .kind = Kind::kSize,
           .help = "maximum size of those of them that must be copied"},
          FIELD(max_untracked_bytes), Bytes),
  };
}

std::vector<ServiceKey> NixKeys() {
  return {
      OnlyInServices(Key({.name = "profile", .help = "the Nix profile: a name or absolute path"},
                         FIELD(nix_keys.profile), Text(CheckProfile))),
      OnlyInServices(Key({.name = "job_uri", .help = "the URL of the Hydra job"},
                         FIELD(nix_keys.job_uri), Text(CheckHttpUrl))),
      Key({.name = "require", .help = "what must have succeeded: job, jobset or aggregate:NAME"},
          FIELD(nix_keys.require), Text(CheckRequire)),
  };
}

#undef FIELD

}  // namespace

const std::vector<ServiceKey>& ServiceKeys() {
  static const std::vector<ServiceKey>* keys = [] {
    auto all = new std::vector<ServiceKey>;
    for (const auto& group : {UpstreamKeys(), PublishingKeys(), PolicyKeys(), NixKeys()}) {
      all->insert(all->end(), group.begin(), group.end());
    }
    return all;
  }();
  return *keys;
}

bool Names(const ServiceEntry& entry, absl::string_view key) {
  const std::vector<ServiceKey>& keys = ServiceKeys();
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].info.name == key) return entry.named[i];
  }
  return false;
}

}  // namespace gitops
