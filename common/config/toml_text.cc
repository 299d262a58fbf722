#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/config/toml.h"
#include "common/path/fd.h"

namespace gitops {
namespace {

// A config of 10,000 services is 3 MB.
constexpr int64_t kMaxConfigBytes = int64_t{32} << 20;

absl::Status ReadFailed(const std::string& file, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot read the config file ", file));
}

}  // namespace

absl::StatusOr<std::string> ReadConfigText(const std::string& file) {
  // Non-blocking, so that a FIFO cannot block the program.
  const Fd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return ReadFailed(file, errno);
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ReadFailed(file, errno);
  if (S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read the config file ", file, ": it is a directory"));
  }
  std::string text;
  char buffer[64 * 1024];
  while (true) {
    const ssize_t count = read(fd.get(), buffer, sizeof buffer);
    if (count == 0) return text;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ReadFailed(file, errno);
    text.append(buffer, static_cast<size_t>(count));
    if (static_cast<int64_t>(text.size()) > kMaxConfigBytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          "cannot read the config file ", file, ": it is larger than ", kMaxConfigBytes, " bytes"));
    }
  }
}

std::string ConfigDirectory(const std::string& file) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(file, error);
  if (error) path = file;
  return path.lexically_normal().parent_path().string();
}

void KnowTopLevelTables(const TomlTable& root) {
  root.Ignore({"include", "global", "services", "fleet", "hosts", "checks", "secrets", "hooks",
               "agent", "planner", "hook-dispatcher", "promotion-receiver", "gateway", "keys",
               "clusters", "sinks", "webhooks"});
}

absl::StatusOr<int64_t> ParseBytesText(absl::string_view text) {
  struct Unit {
    absl::string_view name;
    int64_t size;
  };
  constexpr Unit kUnits[] = {
      {"", 1},
      {"B", 1},
      {"KB", 1'000},
      {"MB", 1'000'000},
      {"GB", 1'000'000'000},
      {"TB", 1'000'000'000'000},
      {"KiB", int64_t{1} << 10},
      {"MiB", int64_t{1} << 20},
      {"GiB", int64_t{1} << 30},
      {"TiB", int64_t{1} << 40},
  };
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const absl::string_view unit_name = absl::StripAsciiWhitespace(text.substr(digits));
  int64_t count = 0;
  if (absl::SimpleAtoi(text.substr(0, digits), &count)) {
    for (const Unit& unit : kUnits) {
      if (unit.name == unit_name && count <= std::numeric_limits<int64_t>::max() / unit.size) {
        return count * unit.size;
      }
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text,
                   "\" is not a size: write a number of bytes, or one with B, KB, MB, GB, KiB, MiB "
                   "or GiB"));
}

}  // namespace gitops
