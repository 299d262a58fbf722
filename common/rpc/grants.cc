#include "common/rpc/grants.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/account/lookup.h"
#include "common/api/roles.h"
#include "common/config/toml.h"
#include "common/log/log.h"
#include "common/plan/vocabulary.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

// Each change looks at every grant.
constexpr size_t kMaxGrants = 1000;
// Of each of `on`, `tagged` and `actions`.
constexpr size_t kMaxValues = 100;

// An empty list would be no limit, which is not what its author means.
std::vector<std::string> ReadList(const TomlTable& table, const char* key) {
  std::vector<std::string> values = table.Strings(key).value_or(std::vector<std::string>());
  const bool has_empty = std::find(values.begin(), values.end(), "") != values.end();
  if (table.Has(key) && (values.empty() || has_empty || values.size() > kMaxValues)) {
    table.Fault(key, absl::StrCat("expected 1 to ", kMaxValues,
                                  " texts that are not empty; leave it out for no limit"));
  }
  return values;
}

bool IsGranted(const std::string& action) {
  const std::vector<std::string>& commands = GrantedCommands();
  return IsAction(action) || std::find(commands.begin(), commands.end(), action) != commands.end();
}

bool IsInGroup(const Principal& caller, const std::string& name) {
  if (caller.groups.empty()) return false;
  const absl::StatusOr<gid_t> group = LookUpGroup(name);
  // If the name service does not answer, it may be one of theirs: then it limits them.
  if (!group.ok()) return !absl::IsNotFound(group.status());
  return std::find(caller.groups.begin(), caller.groups.end(), *group) != caller.groups.end();
}

bool Contains(absl::Span<const int> sorted, size_t number) {
  return std::binary_search(sorted.begin(), sorted.end(), static_cast<int>(number));
}

absl::StatusOr<Grants> ReadGrants(const std::string& path, std::string* text = nullptr) {
  absl::StatusOr<std::string> read = ReadConfigText(path);
  if (!read.ok()) return read.status();
  absl::StatusOr<Grants> grants = Grants::Parse(*read, path);
  if (text != nullptr) *text = *std::move(read);
  return grants;
}

}  // namespace

const std::vector<std::string>& GrantedCommands() {
  static const auto& commands = *new std::vector<std::string>{
      "pull", "rollback", "cancel", "resume", "acknowledge", "break-lock"};
  return commands;
}

Grants::Grant Grants::Read(const TomlTable& table) {
  Grant grant;
  int named = 0;
  for (const auto& [key, kind] :
       {std::pair("subject", Grant::Kind::kSubject), std::pair("group", Grant::Kind::kGroup),
        std::pair("token", Grant::Kind::kToken)}) {
    if (!table.Has(key)) continue;
    ++named;
    grant.kind = kind;
    grant.name = table.Text(key).value_or("");
  }
  if (named != 1) table.Fault("subject", "name exactly one of subject, group and token");
  if (!grant.name.empty()) table.SetName(grant.name);
  if (!table.Has("role")) table.Fault("role", "is missing");
  if (const auto role = table.Choice("role", {"viewer", "operator", "approver", "admin"})) {
    grant.role = *ParseRole(*role);
  }
  size_t left = kMaxNames;
  for (const std::string& pattern : ReadList(table, "on")) {
    if (pattern.empty()) continue;
    const absl::Status added = grant.hosts.AddMachine(pattern, left);
    if (!added.ok()) table.Fault("on", added.message());
  }
  for (std::string& tag : ReadList(table, "tagged")) grant.hosts.AddTag(std::move(tag));
  grant.actions = ReadList(table, "actions");
  for (const std::string& action : grant.actions) {
    if (action.empty() || IsGranted(action)) continue;
    table.Fault("actions",
                absl::StrCat("\"", action, "\" is none of ", absl::StrJoin(AllActions(), ", "),
                             ", ", absl::StrJoin(GrantedCommands(), ", ")));
  }
  return grant;
}

absl::StatusOr<Grants> Grants::Parse(absl::string_view text, const std::string& file) {
  const absl::StatusOr<TomlTable> root = ParseToml(text, file);
  if (!root.ok()) return root.status();
  Grants parsed;
  parsed.file_ = file;
  for (const TomlTable& table : root->Tables("grants")) {
    parsed.grants_.push_back(std::make_unique<const Grant>(Read(table)));
    if (parsed.grants_.size() == kMaxGrants + 1) {
      table.Fault("subject", absl::StrCat("the file has more than ", kMaxGrants, " grants"));
    }
  }
  if (absl::Status status = root->Finish(); !status.ok()) return status;
  for (size_t i = 0; i < parsed.grants_.size(); ++i) {
    parsed.index_.Add(parsed.grants_[i]->hosts, static_cast<int>(i));
  }
  return parsed;
}

CallerGrants::CallerGrants(std::shared_ptr<const Grants> grants, const Principal& caller)
    : grants_(std::move(grants)), caller_(PrincipalText(caller)) {
  using Kind = Grants::Grant::Kind;
  // A name that nobody has proven limits nobody, and programs are no subjects.
  const bool proven =
      caller.uid.has_value() || (caller.authentication == Principal::Authentication::kTls &&
                                 caller.kind == Principal::Kind::kUser);
  bool cut = false;
  const std::string person = PersonOf(caller, cut);
  for (size_t i = 0; i < grants_->grants_.size(); ++i) {
    const Grants::Grant& grant = *grants_->grants_[i];
    const bool own = grant.kind == Kind::kGroup ? IsInGroup(caller, grant.name)
                     : grant.kind == Kind::kSubject
                         ? grant.name == (caller.uid.has_value() ? caller.account : caller.name)
                         : false;
    if (proven && own) own_.push_back(i);
    // A name that was cut must not escape its limits.
    const bool persons = grant.kind != Kind::kGroup && !person.empty() &&
                         (cut ? absl::StartsWith(grant.name, person) : grant.name == person);
    if (persons) persons_.push_back(i);
  }
}

absl::Status CallerGrants::Check(Role needed, const HostChange& change) const {
  if (absl::Status own = CheckOne(own_, needed, change); !own.ok()) return own;
  return CheckOne(persons_, needed, change);
}

absl::Status CallerGrants::CheckOne(const std::vector<size_t>& numbers, Role needed,
                                    const HostChange& change) const {
  if (numbers.empty()) return absl::OkStatus();
  const std::vector<int> selected = grants_->index_.Find(change.host, change.tags);
  for (const std::string& action : change.actions) {
    const bool allowed = std::any_of(numbers.begin(), numbers.end(), [&](size_t i) {
      const Grants::Grant& grant = *grants_->grants_[i];
      return Includes(grant.role, needed) && (grant.hosts.empty() || Contains(selected, i)) &&
             (grant.actions.empty() ||
              std::find(grant.actions.begin(), grant.actions.end(), action) != grant.actions.end());
    });
    if (allowed) continue;
    return MakeError(Reason::kPermissionDenied,
                     absl::StrCat(caller_, " may not ", action, " on host ", change.host,
                                  ": no grant of theirs in ", grants_->file_, " covers that"),
                     {{"host", change.host}, {"action", action}});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<GrantFile>> GrantFile::Open(const std::string& path, Clock* clock,
                                                           Scheduler* scheduler) {
  if (path.empty()) return std::unique_ptr<GrantFile>(new GrantFile(path, Grants()));
  std::string text;
  absl::StatusOr<Grants> grants = ReadGrants(path, &text);
  if (!grants.ok()) return grants.status();
  std::unique_ptr<GrantFile> file(new GrantFile(path, *std::move(grants)));
  file->follower_ =
      std::make_unique<ConfigFollower>(path, std::move(text), clock, scheduler, [raw = file.get()] {
        raw->Read();
        return true;
      });
  return file;
}

void GrantFile::Read() {
  absl::StatusOr<Grants> grants = ReadGrants(path_);
  if (!grants.ok()) {
    return LogError("the new file of grants is invalid; the previous one stays in force",
                    {{"file", path_}, {"error", std::string(grants.status().message())}});
  }
  LogInfo("grants reloaded", {{"file", path_}, {"grants", absl::StrCat(grants->size())}});
  auto fresh = std::make_shared<const Grants>(*std::move(grants));
  MutexLock lock(mutex_);
  grants_ = std::move(fresh);
}

absl::Status CheckGrantFile(const std::string& path) {
  return path.empty() ? absl::OkStatus() : ReadGrants(path).status();
}

}  // namespace gitops
