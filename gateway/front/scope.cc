#include "gateway/front/scope.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

constexpr size_t kMaxName = 64;
// Of each of `on` and `tagged`.
constexpr size_t kMaxHosts = 100;

// An empty list would be no limit, which is not what its author means.
std::vector<std::string> ReadHosts(const TomlTable& table, const char* key) {
  std::vector<std::string> hosts = table.Strings(key).value_or(std::vector<std::string>());
  const bool has_empty = std::find(hosts.begin(), hosts.end(), "") != hosts.end();
  if (table.Has(key) && (hosts.empty() || has_empty || hosts.size() > kMaxHosts)) {
    table.Fault(key, absl::StrCat("expected 1 to ", kMaxHosts,
                                  " texts that are not empty; leave it out for every host"));
  }
  return hosts;
}

}  // namespace

HostScope ReadScope(const TomlTable& table) {
  HostScope scope;
  scope.on = ReadHosts(table, "on");
  scope.tagged = ReadHosts(table, "tagged");
  return scope;
}

Role ReadRole(const TomlTable& table) {
  if (!table.Has("role")) table.Fault("role", "is missing");
  const auto role = table.Choice("role", {"viewer", "operator", "approver", "admin"});
  return role.has_value() ? *ParseRole(*role) : Role::kViewer;
}

// The services show the name with the caller's address in parentheses after it.
bool IsCallerName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_isgraph(c) && c != '(' && c != ')';
         });
}

std::string ReadName(const TomlTable& table) {
  std::string name = table.Text("name").value_or("");
  if (!table.Has("name")) table.Fault("name", "is missing");
  if (!name.empty()) table.SetName(name);
  if (!name.empty() && !IsCallerName(name)) {
    table.Fault("name", absl::StrCat("expected at most ", kMaxName,
                                     " printable ASCII characters without spaces and parentheses"));
  }
  return name;
}

}  // namespace gitops
