#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/config/fleet_check.h"
#include "common/config/ports.h"
#include "common/path/beneath.h"

namespace gitops {
namespace {

// Replacing one of these as a whole breaks every host. Paths below them may be published.
constexpr absl::string_view kSystemRoots[] = {
    "/",    "/bin",  "/boot", "/dev", "/etc",  "/home", "/lib", "/lib32", "/lib64", "/libx32",
    "/nix", "/proc", "/root", "/run", "/sbin", "/sys",  "/tmp", "/usr",   "/var",
};

absl::Status Refuse(absl::string_view value, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", value, "\" ", why));
}

absl::Status CheckPort(absl::string_view address, absl::string_view port) {
  int number = 0;
  if (absl::SimpleAtoi(port, &number) && number >= 1 && number <= 65535) return absl::OkStatus();
  return Refuse(address,
                absl::StrCat("is not an address: \"", port, "\" is not a port from 1 to 65535"));
}

}  // namespace

absl::StatusOr<std::string> NormalizeAbsolutePath(absl::string_view path) {
  if (!absl::StartsWith(path, "/")) {
    return Refuse(path, "is not an absolute path: it must start with '/'");
  }
  const std::vector<absl::string_view> names = absl::StrSplit(path, '/', absl::SkipEmpty());
  for (absl::string_view name : names) {
    if (name == "." || name == "..") {
      return Refuse(path, absl::StrCat("contains \"", name, "\": write the resolved path"));
    }
  }
  return absl::StrCat("/", absl::StrJoin(names, "/"));
}

absl::StatusOr<std::string> NormalizeLocal(absl::string_view path) {
  absl::StatusOr<std::string> normal = NormalizeAbsolutePath(path);
  if (!normal.ok()) return normal;
  if (std::find(std::begin(kSystemRoots), std::end(kSystemRoots), *normal) !=
      std::end(kSystemRoots)) {
    return Refuse(path,
                  "cannot be replaced as a whole without breaking the host: use a directory or "
                  "file below it");
  }
  return normal;
}

absl::StatusOr<std::string> NormalizeLink(absl::string_view path) {
  if (path == "/") return ".";
  if (absl::StartsWith(path, "/")) {
    return Refuse(path, absl::StrCat("is absolute: it is a path in the repository, write \"",
                                     absl::StripPrefix(path, "/"), "\""));
  }
  std::vector<absl::string_view> names = absl::StrSplit(path, '/', absl::SkipEmpty());
  names.erase(std::remove(names.begin(), names.end(), "."), names.end());
  if (names.empty()) return ".";
  std::string link = absl::StrJoin(names, "/");
  absl::Status status = CheckPlainRelativePath(link);
  if (!status.ok()) return status;
  return link;
}

absl::StatusOr<std::string> NormalizeAddress(absl::string_view address) {
  if (absl::StartsWith(address, "unix:")) return std::string(address);
  if (absl::StartsWith(address, "[")) {
    const size_t end = address.find(']');
    const absl::string_view rest =
        end == absl::string_view::npos ? address : address.substr(end + 1);
    if (rest.empty()) return absl::StrCat(address, ":", kAgentPort);
    if (!absl::StartsWith(rest, ":"))
      return Refuse(address, "is not an address: write [ADDRESS]:PORT");
    absl::Status status = CheckPort(address, rest.substr(1));
    if (!status.ok()) return status;
    return std::string(address);
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(address, ':');
  if (parts.size() > 2) {
    return Refuse(address, "is not an address: write an IPv6 address in brackets, [ADDRESS]:PORT");
  }
  absl::Status status = CheckHostName(parts[0]);
  if (!status.ok()) return status;
  if (parts.size() == 1) return absl::StrCat(address, ":", kAgentPort);
  status = CheckPort(address, parts[1]);
  if (!status.ok()) return status;
  return std::string(address);
}

bool IsAtOrBeneath(absl::string_view inner, absl::string_view outer) {
  if (outer == "/" || inner == outer) return true;
  return absl::ConsumePrefix(&inner, outer) && absl::StartsWith(inner, "/");
}

}  // namespace gitops
