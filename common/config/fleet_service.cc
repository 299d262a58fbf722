#include <iterator>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/fleet_check.h"
#include "common/config/fleet_reader.h"
#include "common/config/unit_verbs.h"
#include "common/git/refs.h"
#include "common/git/upstream.h"
#include "common/git/url.h"

namespace gitops {
namespace {

constexpr absl::string_view kDefaultMount = "/var/lib/gitops";
constexpr absl::Duration kMostPoll = absl::Hours(24 * 365);
constexpr absl::Duration kMostHealthyWithin = absl::Hours(1);
constexpr int kMostRevisions = 10'000;
constexpr int64_t kMostFiles = 100'000'000;
constexpr int64_t kLeastGitMemory = int64_t{64} << 20;

// A service while it is parsed: both kinds at once, since [global] has defaults for both.
struct Draft {
  ServiceSpec spec;
  NixSpec nix;
  bool upstream_is_faulty = false;  // and was reported, so it is not missing
};

// In gitopper, these three count as not given if they are empty.
std::optional<std::string> TextOrUnset(const TomlTable& table, absl::string_view key) {
  std::optional<std::string> text = table.String(key);
  if (text.has_value() && text->empty()) return std::nullopt;
  return text;
}

// Keys whose empty value means "none", even if [global] has a default.
template <typename Check>
std::optional<std::string> TextOrNone(const TomlTable& table, absl::string_view key, Check check) {
  std::optional<std::string> text = table.String(key);
  if (!text.has_value() || text->empty()) return text;
  return CheckedText(table, key, check);
}

// Empty, which overrides [global] too: by the machine's memory.
void ReadGitMemory(const TomlTable& table, UpstreamSpec& upstream) {
  if (!table.Has("git_memory")) return;
  if (table.Scalar("git_memory") == "") {
    upstream.git_memory = 0;
    return;
  }
  const std::optional<int64_t> bytes = table.Bytes("git_memory");
  if (!bytes.has_value()) return;
  if (*bytes < kLeastGitMemory) {
    table.Fault("git_memory", "is less than the 64MiB that git needs for itself");
    return;
  }
  upstream.git_memory = *bytes;
}

void ReadUpstream(const TomlTable& table, const std::string& directory, Draft& draft) {
  UpstreamSpec& upstream = draft.spec.upstream;
  if (TextOrUnset(table, "upstream").has_value()) {
    const auto url = CheckedText(table, "upstream", CheckUpstreamUrl);
    Store(url, upstream.url);
    draft.upstream_is_faulty = !url.has_value();
  }
  Store(FilePath(table, "ssh_key", directory), upstream.ssh_key);
  Store(FilePath(table, "known_hosts", directory), upstream.known_hosts);
  Store(FilePath(table, "netrc_file", directory), upstream.netrc_file);
  Store(FilePath(table, "ca_file", directory), upstream.ca_file);
  Store(TextOrNone(table, "proxy", CheckProxyUrl), upstream.proxy);
  ReadGitMemory(table, upstream);
}

void ReadAction(const TomlTable& table, ServiceSpec& spec) {
  std::vector<std::string> actions = UnitVerbNames();
  actions.push_back("none");
  if (table.Has("action") && table.String("action") == "") {
    spec.action.clear();
    return;
  }
  Store(table.Choice("action", actions), spec.action);
  if (spec.action == "none") spec.action.clear();
}

void ReadPolicies(const TomlTable& table, ServiceSpec& spec) {
  Store(table.Duration("poll", kLeastPoll, kMostPoll), spec.poll);
  if (const auto tracking = table.Choice("tracking", {"auto", "coordinated"})) {
    spec.tracking = *tracking == "auto" ? Tracking::kAuto : Tracking::kCoordinated;
  }
  Store(table.Bool("writable"), spec.writable);
  if (const auto drift = table.Choice("drift", {"report", "correct"})) {
    spec.drift = *drift == "report" ? DriftPolicy::kReport : DriftPolicy::kCorrect;
  }
  Store(table.Duration("healthy_within", absl::ZeroDuration(), kMostHealthyWithin),
        spec.healthy_within);
  Store(table.Bool("rollback_on_failure"), spec.rollback_on_failure);
  Store(table.Int("keep_revisions", 1, kMostRevisions), spec.keep_revisions);
  Store(table.Int("max_files", 1, kMostFiles), spec.max_files);
  Store(table.Bytes("max_bytes"), spec.max_bytes);
  Store(table.Int("max_untracked_files", 1, kMostFiles), spec.max_untracked_files);
  Store(table.Bytes("max_untracked_bytes"), spec.max_untracked_bytes);
}

// The keys that [global] and [[services]] share. A later call overrides an earlier one.
void ReadShared(const TomlTable& table, const std::string& directory, Draft& draft) {
  ServiceSpec& spec = draft.spec;
  Store(CheckedText(table, "machine", CheckHostName), spec.machine);
  ReadUpstream(table, directory, draft);
  if (TextOrUnset(table, "branch").has_value()) {
    Store(CheckedText(table, "branch", CheckBranch), spec.branch);
  }
  if (const auto mount = TextOrUnset(table, "mount")) {
    const auto normal = NormalizeAbsolutePath(*mount);
    if (normal.ok()) {
      spec.mount = *normal;
    } else {
      table.Fault("mount", normal.status().message());
    }
  }
  Store(TextOrNone(table, "user", CheckUserName), spec.user);
  ReadAction(table, spec);
  Store(TextOrNone(table, "package", CheckPackage), spec.package);
  ReadPolicies(table, spec);
  Store(CheckedText(table, "require", CheckRequire), draft.nix.require);
}

std::optional<DirectorySpec> ReadDirectory(const TomlTable& table) {
  DirectorySpec directory;
  directory.line = table.line();
  const std::string local = table.String("local").value_or("");
  const std::string link = table.String("link").value_or("");
  Store(table.Bool("file"), directory.file);
  if (!table.Has("local") && !table.Has("link")) {
    table.Fault("local", "is missing: an entry needs a local path and a link into the repository");
    return std::nullopt;
  }
  auto normal_link = NormalizeLink(link);
  if (!normal_link.ok()) {
    table.Fault("link", normal_link.status().message());
    return std::nullopt;
  }
  directory.link = *std::move(normal_link);
  if (directory.file && directory.link == ".") {
    table.Fault("link", "is the whole repository, which is not a file: give the path of a file");
    return std::nullopt;
  }
  if (local.empty()) return directory;
  auto normal_local = NormalizeLocal(local);
  if (!normal_local.ok()) {
    table.Fault("local", normal_local.status().message());
    return std::nullopt;
  }
  directory.local = *std::move(normal_local);
  return directory;
}

// Conflicts between two entries, or between an entry and the directory of the revisions.
class LocalPaths {
 public:
  explicit LocalPaths(std::string revisions) : revisions_(std::move(revisions)) {}

  // Returns whether `directory` is compatible with the previous ones; reports an error if not.
  bool Add(const TomlTable& table, const DirectorySpec& directory) {
    if (directory.local.empty()) return true;
    if (IsAtOrBeneath(revisions_, directory.local) || IsAtOrBeneath(directory.local, revisions_)) {
      table.Fault(
          "local",
          absl::StrCat(
              "\"", directory.local, "\" and ", revisions_,
              ", the directory of the revisions, must not contain each other: use another mount"));
      return false;
    }
    for (const auto& [local, earlier] : entries_) {
      if (local == directory.local) {
        table.Fault("local",
                    absl::StrCat("\"", local, "\" is given twice, first in line ", earlier.line));
        return false;
      }
      const bool below_file = earlier.file && IsAtOrBeneath(directory.local, local);
      if (below_file || (directory.file && IsAtOrBeneath(local, directory.local))) {
        table.Fault("local", absl::StrCat("\"", directory.local, "\" and \"", local, "\" of line ",
                                          earlier.line, " contain each other, and one is a file"));
        return false;
      }
    }
    entries_.emplace(directory.local, Entry{table.line(), directory.file});
    return true;
  }

 private:
  struct Entry {
    int line;
    bool file;
  };
  std::string revisions_;
  std::map<std::string, Entry> entries_;
};

void ReadDirectories(const TomlTable& table, ServiceSpec& spec) {
  LocalPaths locals(absl::StrCat(spec.mount, spec.mount == "/" ? "" : "/", spec.service));
  for (const TomlTable& entry : table.Tables("dirs")) {
    std::optional<DirectorySpec> directory = ReadDirectory(entry);
    if (directory.has_value() && locals.Add(entry, *directory)) {
      spec.directories.push_back(*std::move(directory));
    }
  }
}

void RequireKey(const TomlTable& table, absl::string_view key, absl::string_view advice) {
  // An empty value was reported already, unless it counts as not given in gitopper.
  const bool said = table.Has(key) && table.String(key) != "";
  if (!said) table.Fault(key, absl::StrCat("is missing: ", advice));
}

void ReadNix(const TomlTable& table, const std::string& directory, Draft& draft) {
  Store(CheckedText(table, "profile", CheckProfile), draft.nix.profile);
  Store(CheckedText(table, "job_uri", CheckHttpUrl), draft.nix.job_uri);
  RequireKey(table, "profile", "a service with a job_uri needs a profile, for example \"web\"");
  RequireKey(table, "job_uri", "a service with a profile needs a job_uri");
  for (absl::string_view key : {"dirs", "upstream", "branch"}) {
    if (table.Has(key)) {
      table.Fault(key, "is for services that follow git; this one has a profile and job_uri");
    }
  }
  draft.nix.netrc_file = draft.spec.upstream.netrc_file;
  draft.spec.upstream = UpstreamSpec();
  draft.spec.nix = draft.nix;
}

ServiceSpec ReadService(const TomlTable& table, const std::string& directory, Draft draft) {
  ServiceSpec& spec = draft.spec;
  spec.line = table.line();
  if (const auto name = table.String("service")) {
    if (!name->empty()) table.SetName(*name);
  }
  Store(CheckedText(table, "service", CheckServiceName), spec.service);
  ReadShared(table, directory, draft);
  if (!table.Has("service")) table.Fault("service", "is missing: give the unit's name");
  if (spec.machine.empty() && !table.Has("machine")) {
    table.Fault("machine", "is missing: give the host's name, or an alias of --hosts");
  }
  // Read for both kinds, so that both know them.
  const bool has_profile = table.Has("profile");
  const bool has_job_uri = table.Has("job_uri");
  if (has_profile || has_job_uri) {
    ReadNix(table, directory, draft);
    return spec;
  }
  if (table.Has("require")) {
    table.Fault("require", "is for services with a profile and job_uri");
  }
  if (spec.upstream.url.empty() && !draft.upstream_is_faulty) {
    RequireKey(table, "upstream", "give it here or in [global]");
  }
  ReadDirectories(table, spec);
  return spec;
}

void ReadGitopperKeys(const TomlTable& table, FleetConfig& config) {
  if (!table.Has("keys")) return;
  config.warnings.push_back(absl::StrCat(table.Where("keys"),
                                         ": keys has no effect: there is no SSH port, and no "
                                         "access by key or certificate yet; whoever "
                                         "reaches the address of --listen may use it"));
  std::vector<TomlTable> keys;
  if (table.IsTable("keys")) {
    keys.push_back(*table.Table("keys"));
  } else {
    keys = table.Tables("keys");
  }
  for (const TomlTable& key : keys) {
    key.Bool("ro");
    // gitopper 0.0.1 had one table with a list of paths.
    if (key.IsArray("path")) {
      const auto paths = key.Strings("path").value_or(std::vector<std::string>());
      config.gitopper_keys.insert(config.gitopper_keys.end(), paths.begin(), paths.end());
    } else if (const auto path = key.String("path")) {
      config.gitopper_keys.push_back(*path);
    }
  }
}

Draft ReadGlobal(const TomlTable& root, const std::string& directory, FleetConfig& config) {
  Draft defaults;
  defaults.spec.mount = std::string(kDefaultMount);
  const std::optional<TomlTable> global = root.Table("global");
  if (!global.has_value()) return defaults;
  ReadShared(*global, directory, defaults);
  ReadGitopperKeys(*global, config);
  // gitopper's [global] has all keys of a service, and ignores these.
  for (absl::string_view key : {"service", "dirs"}) {
    if (global->Has(key)) {
      config.warnings.push_back(absl::StrCat(global->Where(key), ": [global]: ", key,
                                             " has no effect: set it in each [[services]]"));
    }
  }
  return defaults;
}

}  // namespace

std::optional<std::string> FilePath(const TomlTable& table, absl::string_view key,
                                    const std::string& directory) {
  const std::optional<std::string> path = table.String(key);
  if (!path.has_value() || path->empty() || absl::StartsWith(*path, "/")) return path;
  return absl::StrCat(directory, directory == "/" ? "" : "/", *path);
}

void ReadServices(const TomlTable& root, const std::string& directory, FleetConfig& config) {
  const Draft defaults = ReadGlobal(root, directory, config);
  ReadGitopperKeys(root, config);
  for (const TomlTable& table : root.Tables("services")) {
    config.services.push_back(ReadService(table, directory, defaults));
  }
}

}  // namespace gitops
