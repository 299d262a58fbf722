#include "common/process/text_diff.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kTimeout = absl::Seconds(20);
constexpr int64_t kMaxOutput = 64 << 20;
constexpr int64_t kMaxMemory = 1 << 30;
constexpr int kOomScore = 500;
// Status of diff(1): the files are the same, they differ, it failed.
constexpr int kDiffers = 1;

absl::Status Write(const fs::path& file, const std::string& content) {
  std::ofstream out(file, std::ios::binary);
  out << content;
  out.close();
  if (out) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write ", file.string(), " for a diff"));
}

std::string NameOf(size_t index) { return absl::StrFormat("%08d", index); }

absl::Status WriteAll(const fs::path& directory, const std::vector<TextPair>& pairs) {
  std::error_code error;
  for (const char* side : {"a", "b"}) {
    if (!fs::create_directory(directory / side, error)) {
      return absl::UnavailableError(
          absl::StrCat("cannot make ", (directory / side).string(), ": ", error.message()));
    }
  }
  for (size_t i = 0; i < pairs.size(); ++i) {
    absl::Status written = Write(directory / "a" / NameOf(i), pairs[i].before);
    if (written.ok()) written = Write(directory / "b" / NameOf(i), pairs[i].after);
    if (!written.ok()) return written;
  }
  return absl::OkStatus();
}

// Reads what diff(1) writes. A line of a hunk begins with ' ', '+', '-', '@' or '\\'; no other
// does.
class Reader {
 public:
  Reader(std::vector<TextDiff>& diffs, size_t most) : diffs_(diffs), most_(most) {}

  void Line(absl::string_view line) {
    if (absl::StartsWith(line, "diff ")) {
      size_t index = 0;
      const absl::string_view name = line.substr(line.rfind('/') + 1);
      const bool known = absl::SimpleAtoi(name, &index) && index < diffs_.size();
      current_ = known ? &diffs_[index] : nullptr;
      in_hunk_ = false;
      return;
    }
    if (absl::StartsWith(line, "@@")) in_hunk_ = true;
    if (current_ == nullptr || !in_hunk_) return;
    current_->added += absl::StartsWith(line, "+");
    current_->removed += absl::StartsWith(line, "-");
    current_->cut = current_->cut || current_->hunks.size() + line.size() + 1 > most_;
    if (!current_->cut) absl::StrAppend(&current_->hunks, line, "\n");
  }

 private:
  std::vector<TextDiff>& diffs_;
  const size_t most_;
  TextDiff* current_ = nullptr;
  bool in_hunk_ = false;  // and not in the names before the first one
};

}  // namespace

bool IsText(absl::string_view content) { return content.find('\0') == absl::string_view::npos; }

absl::Status RemoveLeftDiffs(const std::string& scratch) {
  std::error_code error;
  fs::remove_all(scratch, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("cannot remove what earlier diffs left in ", scratch, ": ", error.message()));
}

absl::StatusOr<std::vector<TextDiff>> DiffTexts(ProcessRunner& runner, const std::string& scratch,
                                                const std::vector<TextPair>& pairs, size_t most,
                                                std::stop_token stop) {
  std::vector<TextDiff> diffs(pairs.size());
  if (pairs.empty()) return diffs;
  mkdir(scratch.c_str(), 0700);  // a failure shows below
  std::string directory = absl::StrCat(scratch, "/diff-XXXXXX");
  if (mkdtemp(directory.data()) == nullptr) {  // 0700
    return absl::UnavailableError(absl::StrCat("cannot make a directory for diffs in ", scratch));
  }
  const absl::Cleanup remove = [&directory] {
    std::error_code ignored;
    fs::remove_all(directory, ignored);
  };
  if (absl::Status written = WriteAll(directory, pairs); !written.ok()) return written;
  Command command;
  command.argv = {"diff", "--recursive", "--unified", "--text", "--speed-large-files", "a", "b"};
  command.environment = {{"LC_ALL", "C"}};
  command.directory = directory;
  command.timeout = kTimeout;
  command.give_up = [&stop] { return stop.stop_requested(); };
  command.max_output = kMaxOutput;
  command.max_memory = kMaxMemory;
  command.oom_score_adj = kOomScore;
  Reader reader(diffs, most);
  std::string rest;
  command.on_output = [&](absl::string_view piece) {
    absl::StrAppend(&rest, piece);
    size_t begin = 0;
    for (size_t end; (end = rest.find('\n', begin)) != std::string::npos; begin = end + 1) {
      reader.Line(absl::string_view(rest).substr(begin, end - begin));
    }
    rest.erase(0, begin);
    return absl::OkStatus();
  };
  const absl::StatusOr<CommandResult> result = runner.Run(command);
  if (absl::IsNotFound(result.status())) {
    return absl::UnavailableError("diff is not installed (Debian: diffutils)");
  }
  if (!result.ok()) return result.status();
  if (result->exit_status <= kDiffers) return diffs;
  return absl::UnavailableError(absl::StrCat("diff failed: ", result->error_output));
}

}  // namespace gitops
