#include "common/clock/boot_id.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/path/read_file.h"

namespace gitops {
namespace {

constexpr char kFirstProcess[] = "/proc/1/stat";
// Field 22, counted after the command's name, which is field 2 and may contain spaces and
// parentheses.
constexpr size_t kStartTime = 22 - 3;

absl::StatusOr<std::string> ReadText(const std::string& file) {
  const absl::StatusOr<std::string> text = ReadWholeFile(file);
  std::string content(absl::StripAsciiWhitespace(text.value_or("")));
  if (!content.empty()) return content;
  return absl::UnavailableError(
      absl::StrCat("cannot determine the boot id: ",
                   text.ok() ? absl::StrCat(file, " is empty") : text.status().message()));
}

}  // namespace

absl::string_view StartTimeOf(absl::string_view stat) {
  const size_t name_end = stat.rfind(") ");
  if (name_end == absl::string_view::npos) return "";
  const std::vector<absl::string_view> fields = absl::StrSplit(stat.substr(name_end + 2), ' ');
  return fields.size() > kStartTime ? fields[kStartTime] : "";
}

absl::StatusOr<std::string> ReadKernelBootId() { return ReadText(kKernelBootIdFile); }

absl::StatusOr<std::string> ReadBootId(const std::string& file) {
  absl::StatusOr<std::string> boot_id = ReadText(file);
  if (!boot_id.ok() || file != kKernelBootIdFile) return boot_id;
  absl::StatusOr<std::string> stat = ReadText(kFirstProcess);
  if (!stat.ok()) return stat.status();
  return absl::StrCat(*boot_id, ".", StartTimeOf(*stat));
}

}  // namespace gitops
