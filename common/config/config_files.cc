#include "common/config/config_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/config/include_matches.h"
#include "common/config/toml.h"
#include "common/path/beneath.h"
#include "common/path/fd.h"
#include "common/path/read_file.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;

// Begins a text of ConfigFiles::Packed() that is more than the main file.
constexpr absl::string_view kPackedMark = "#! files of a gitops config: ";

// The text of a file beneath `root`.
absl::StatusOr<std::string> ReadIncluded(int root, const std::string& path) {
  // Non-blocking, so that a FIFO cannot block the program.
  const auto file = OpenBeneath(root, path, O_RDONLY | O_NONBLOCK, 0, RESOLVE_NO_SYMLINKS);
  if (absl::IsNotFound(file.status())) return absl::NotFoundError("does not exist");
  if (!file.ok()) return file.status();
  struct stat info;
  if (fstat(file->get(), &info) != 0) return absl::ErrnoToStatus(errno, "cannot be read");
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError("is not a regular file");
  auto text = ReadToEnd(file->get(), path, kMaxIncludedBytes);
  if (!absl::IsResourceExhausted(text.status())) return text;
  return absl::InvalidArgumentError(
      absl::StrCat("is larger than ", kMaxIncludedBytes, " bytes, the most for an included file"));
}

// Whether the error is of the machine, not of the config, and so may end by itself.
bool MayPass(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsUnavailable(status) ||
         absl::IsUnknown(status);
}

// Follows the includes of one config.
class Includer {
 public:
  Includer(const std::string& file, ConfigReading& reading)
      : file_(file),
        reading_(reading),
        root_(open(ConfigDirectory(file).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

  // The files that `text`, of the file `path` beneath the root, includes, and those that they
  // include.
  void Follow(const std::string& path, const std::string& text) {
    // Most files include none: they need not be parsed twice.
    if (!absl::StrContains(absl::AsciiStrToLower(text), "include")) return;
    const absl::StatusOr<TomlTable> table = ParseToml(text, Shown(path));
    // Errors of TOML and of types are found when the config is parsed.
    if (!table.ok() || !table->IsArray("include")) return;
    const auto patterns = table->Strings("include");
    if (!patterns.has_value()) return;
    stack_.push_back(path);
    for (const std::string& pattern : *patterns) Include(*table, path, pattern);
    stack_.pop_back();
  }

  absl::StatusOr<std::vector<ConfigFiles::File>> Result() {
    if (!failure_.ok()) return failure_;
    if (absl::Status status = ToStatus(std::move(faults_)); !status.ok()) return status;
    return std::move(files_);
  }

 private:
  std::string Shown(const std::string& path) const {
    return (fs::path(file_).parent_path() / path).string();
  }

  void Include(const TomlTable& table, const std::string& from, const std::string& pattern) {
    const auto fault = [&](absl::string_view what, absl::string_view message) {
      faults_.push_back(
          {table.PlaceOf("include"), absl::StrCat("include: \"", what, "\" ", message)});
    };
    const auto fail = [&](absl::string_view what, const absl::Status& status) {
      if (!MayPass(status)) return fault(what, status.message());
      failure_.Update(absl::Status(
          status.code(), absl::StrCat(table.PlaceOf("include").ToString(), ": include: \"", what,
                                      "\" ", status.message())));
    };
    if (!root_) {
      // It exists, since the main file was read from it.
      return fail(pattern,
                  absl::UnavailableError(absl::StrCat(
                      "cannot be followed: ", ConfigDirectory(file_), " cannot be opened")));
    }
    IncludeMatches matches;
    const absl::Status matched =
        MatchInclude(root_.get(), fs::path(from).parent_path().string(), pattern, matches);
    for (const std::string& directory : matches.directories) Watch(directory);
    if (!matched.ok()) return fail(pattern, matched);
    for (const auto& [path, by_glob] : matches.paths) {
      if (full_) return;
      if (std::any_of(path.begin(), path.end(), absl::ascii_iscntrl)) {
        fault(absl::CHexEscape(path), "has a control character in its name");
        continue;
      }
      // `*.toml` beside the main file means the others.
      if (by_glob && (path == from || path == stack_.front())) continue;
      Watch(path);
      if (IsOnStack(path)) {
        fault(path, absl::StrCat("includes itself: ", absl::StrJoin(stack_, " -> "), " -> ", path));
      } else if (seen_.insert(path).second) {
        absl::StatusOr<std::string> text = ReadIncluded(root_.get(), path);
        if (text.ok()) {
          Add(table, path, *std::move(text));
        } else if (!by_glob || !absl::IsNotFound(text.status())) {
          fail(path, text.status());
        }
      }
    }
  }

  void Add(const TomlTable& table, const std::string& path, std::string text) {
    if (files_.size() >= kMaxIncluded) {
      full_ = true;
      faults_.push_back(
          {table.PlaceOf("include"), absl::StrCat("include: more than ", kMaxIncluded, " files")});
      return;
    }
    files_.push_back({Shown(path), std::move(text)});
    const std::string own = files_.back().text;
    Follow(path, own);
  }

  // Once, however many files include it.
  void Watch(const std::string& path) {
    if (watched_.insert(path).second) reading_.watched.push_back(Shown(path));
  }

  bool IsOnStack(const std::string& path) const {
    for (const std::string& above : stack_) {
      if (above == path) return true;
    }
    return false;
  }

  const std::string& file_;
  ConfigReading& reading_;
  const Fd root_;
  std::vector<std::string> stack_;  // the file that is followed, and those that led to it
  std::set<std::string> seen_, watched_;
  std::vector<ConfigFiles::File> files_;
  std::vector<ConfigFault> faults_;
  absl::Status failure_;  // the first that may pass
  bool full_ = false;
};

// Takes the first line of `text`; none: there is no whole line.
std::optional<absl::string_view> TakeLine(absl::string_view& text) {
  const size_t end = text.find('\n');
  if (end == absl::string_view::npos) return std::nullopt;
  const absl::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

std::string ConfigFiles::Packed() const {
  if (included.empty() && !absl::StartsWith(main.text, kPackedMark)) return main.text;
  std::string packed = absl::StrCat(kPackedMark, included.size(), "\n");
  for (const File& file : included)
    absl::StrAppend(&packed, file.text.size(), " ", file.path, "\n");
  for (const File& file : included) absl::StrAppend(&packed, file.text);
  return absl::StrCat(packed, main.text);
}

ConfigFiles ConfigFiles::Unpack(const std::string& file, absl::string_view packed) {
  const ConfigFiles plain{{file, std::string(packed)}, {}};
  if (!absl::ConsumePrefix(&packed, kPackedMark)) return plain;
  ConfigFiles files{{file, ""}, {}};
  size_t count = 0;
  const auto first = TakeLine(packed);
  if (!first.has_value() || !absl::SimpleAtoi(*first, &count)) return plain;
  std::vector<size_t> sizes;
  for (size_t i = 0; i < count; ++i) {
    const auto line = TakeLine(packed);
    if (!line.has_value()) return plain;
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(*line, absl::MaxSplits(' ', 1));
    size_t size = 0;
    if (!absl::SimpleAtoi(parts.first, &size)) return plain;
    sizes.push_back(size);
    files.included.push_back({std::string(parts.second), ""});
  }
  for (size_t i = 0; i < count; ++i) {
    if (sizes[i] > packed.size()) return plain;
    files.included[i].text = std::string(packed.substr(0, sizes[i]));
    packed.remove_prefix(sizes[i]);
  }
  files.main.text = std::string(packed);
  return files;
}

ConfigReading ReadConfigFiles(const std::string& file) {
  ConfigReading reading{absl::UnknownError(""), false, {}};
  absl::StatusOr<std::string> text = ReadConfigText(file);
  if (!text.ok()) {
    reading.files = text.status();
    return reading;
  }
  reading.has_main = true;
  Includer includer(file, reading);
  includer.Follow(fs::path(file).filename().string(), *text);
  absl::StatusOr<std::vector<ConfigFiles::File>> included = includer.Result();
  if (!included.ok()) {
    reading.files = included.status();
  } else {
    reading.files = ConfigFiles{{file, *std::move(text)}, *std::move(included)};
  }
  return reading;
}

}  // namespace gitops
