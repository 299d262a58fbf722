#include "common/config/service_values.h"

#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/fleet_check.h"
#include "common/config/variables.h"
#include "common/git/refs.h"
#include "common/git/url.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

// As a path; a variable may be written often, and stand for a long name.
constexpr size_t kMaxValueBytes = 4096;
constexpr size_t kShownBytes = 400;

using Normalize = absl::StatusOr<std::string> (*)(absl::string_view);

// A check as a normalization that changes nothing.
template <absl::Status (*check)(absl::string_view)>
absl::StatusOr<std::string> Same(absl::string_view text) {
  if (absl::Status status = check(text); !status.ok()) return status;
  return std::string(text);
}

// [global] may have a long value, which is then wrong in each service.
std::string Shown(absl::string_view text) {
  return text.size() <= kShownBytes ? std::string(text)
                                    : absl::StrCat(ValidUtf8(text, kShownBytes), "…");
}

// Sets one variable in the values of an entry.
class VariableSetter {
 public:
  VariableSetter(absl::string_view variable, absl::string_view value, absl::string_view shown)
      : variable_(variable), value_(value), shown_(shown) {}

  // Normalizes also values that did not have the variable.
  bool all = false;

  void Set(absl::string_view key, const ConfigPlace& place, Normalize normalize,
           std::string& text) {
    const std::string written = text;
    const bool changed = SetVariable(variable_, value_, text);
    if (text.empty() || (!changed && !all) || HasVariable(kMachineVariable, text)) return;
    absl::StatusOr<std::string> normal =
        changed && text.size() > kMaxValueBytes
            ? absl::InvalidArgumentError(
                  absl::StrCat("is longer than ", kMaxValueBytes, " bytes with its variables set"))
            : normalize(text);
    if (normal.ok()) {
      text = *std::move(normal);
      return;
    }
    // A URL may contain a password.
    const bool show = changed && key != "upstream";
    const std::string from = absl::StrCat(" (from \"", Shown(written), "\"",
                                          shown_.empty() ? "" : absl::StrCat(", on ", shown_), ")");
    faults.push_back({std::string(key), place,
                      absl::StrCat(Shown(normal.status().message()), show ? from : "")});
  }

  std::vector<ValueFault> faults;

 private:
  const absl::string_view variable_, value_, shown_;
};

void SetDirectory(size_t number, VariableSetter& setter, DirectorySpec& directory) {
  const std::string label = absl::StrCat("dirs[", number, "]: ");
  const size_t before = setter.faults.size();
  if (directory.link.empty()) directory.link = ".";
  setter.Set(label + "link", directory.place, NormalizeLink, directory.link);
  if (setter.faults.size() > before) return;
  if (directory.file && directory.link == ".") {
    setter.faults.push_back({label + "link", directory.place,
                             "is the whole repository, which is not a file: give the path of a "
                             "file"});
    return;
  }
  setter.Set(label + "local", directory.place, NormalizeLocal, directory.local);
}

std::vector<ValueFault> SetAll(VariableSetter& setter, ServiceEntry& entry) {
  setter.Set("upstream", {}, Same<CheckUpstreamUrl>, entry.upstream.url);
  setter.Set("branch", {}, Same<CheckBranch>, entry.branch);
  setter.Set("mount", {}, NormalizeAbsolutePath, entry.mount);
  setter.Set("user", {}, Same<CheckUserName>, entry.user);
  std::vector<DirectorySpec> directories;
  for (size_t i = 0; i < entry.directories.size(); ++i) {
    const size_t before = setter.faults.size();
    SetDirectory(i + 1, setter, entry.directories[i]);
    if (setter.faults.size() == before) directories.push_back(std::move(entry.directories[i]));
  }
  entry.directories = std::move(directories);
  return std::move(setter.faults);
}

bool Varies(const ServiceEntry& entry) {
  const auto varies = [](const std::string& text) { return HasVariable(kMachineVariable, text); };
  if (varies(entry.upstream.url) || varies(entry.branch) || varies(entry.mount) ||
      varies(entry.user)) {
    return true;
  }
  for (const DirectorySpec& directory : entry.directories) {
    if (varies(directory.local) || varies(directory.link)) return true;
  }
  return false;
}

}  // namespace

std::vector<ValueFault> SetService(ServiceEntry& entry) {
  VariableSetter setter(kServiceVariable, entry.service, "");
  setter.all = true;
  std::vector<ValueFault> faults = SetAll(setter, entry);
  entry.varies = Varies(entry);
  return faults;
}

std::vector<ValueFault> SetMachine(absl::string_view machine, absl::string_view shown,
                                   ServiceEntry& entry) {
  if (!entry.varies) return CheckDirectories(entry);
  VariableSetter setter(kMachineVariable, machine, shown);
  std::vector<ValueFault> faults = SetAll(setter, entry);
  entry.varies = false;
  if (faults.empty()) faults = CheckDirectories(entry);
  return faults;
}

std::vector<ValueFault> CheckDirectories(const ServiceSpec& spec) {
  std::vector<ValueFault> faults;
  const std::string revisions =
      absl::StrCat(spec.mount, spec.mount == "/" ? "" : "/", spec.service);
  std::map<std::string, const DirectorySpec*> earlier;
  for (size_t i = 0; i < spec.directories.size(); ++i) {
    const DirectorySpec& directory = spec.directories[i];
    const std::string& local = directory.local;
    if (local.empty()) continue;
    const auto fault = [&](const std::string& message) {
      faults.push_back({absl::StrCat("dirs[", i + 1, "]: local"), directory.place, message});
    };
    if (IsAtOrBeneath(revisions, local) || IsAtOrBeneath(local, revisions)) {
      fault(absl::StrCat("\"", local, "\" and ", revisions,
                         ", the directory of the revisions, must not contain each other: use "
                         "another mount"));
      continue;
    }
    if (const auto same = earlier.find(local); same != earlier.end()) {
      fault(absl::StrCat("\"", local, "\" is given twice, first in ",
                         same->second->place.SeenFrom(directory.place)));
      continue;
    }
    const DirectorySpec* nested = nullptr;
    for (const auto& [other, entry] : earlier) {
      if ((entry->file && IsAtOrBeneath(local, other)) ||
          (directory.file && IsAtOrBeneath(other, local))) {
        nested = entry;
        break;
      }
    }
    if (nested != nullptr) {
      fault(absl::StrCat("\"", local, "\" and \"", nested->local, "\" of ",
                         nested->place.SeenFrom(directory.place),
                         " contain each other, and one is a file"));
      continue;
    }
    earlier.emplace(local, &directory);
  }
  return faults;
}

}  // namespace gitops
