#include "agent/nix/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/nix/nix_error.h"
#include "common/log/log.h"
#include "common/path/fd.h"
#include "common/rpc/state_reason.h"

namespace gitops {
namespace {

// On NixOS there is hardly anything in the others.
constexpr char kPath[] =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:"
    "/nix/var/nix/profiles/default/bin:/run/current-system/sw/bin";
constexpr size_t kMostOfState = 1000;  // bytes of the output in an error
constexpr size_t kTail = 8 << 10;      // of the file, to find them
constexpr int kMostLogged = 500;       // lines of one run
constexpr size_t kLongestLine = 1000;  // longer ones are cut

// The output of one run: copies lines of the file to the log.
class OutputLog {
 public:
  OutputLog(const ProfileProgram& program, Fd file) : program_(program), file_(std::move(file)) {}

  int descriptor() const { return file_.get(); }

  // Logs the whole lines that have come. Cheap if there are none.
  void Forward() {
    char piece[16 << 10];
    while (lines_ < kMostLogged) {
      const ssize_t size = pread(file_.get(), piece, sizeof piece, offset_);
      if (size <= 0) return;
      offset_ += size;
      pending_.append(piece, static_cast<size_t>(size));
      LogLines();
    }
    pending_.clear();
  }

  // The same for a last line without its end.
  void Finish() {
    Forward();
    if (!pending_.empty()) Log(pending_);
    pending_.clear();
  }

  // The last lines of the output.
  std::string End() const {
    struct stat status = {};
    if (fstat(file_.get(), &status) != 0) return "";
    std::string tail(kTail, '\0');
    const off_t from = std::max<off_t>(0, status.st_size - static_cast<off_t>(kTail));
    const ssize_t size = pread(file_.get(), tail.data(), tail.size(), from);
    tail.resize(static_cast<size_t>(std::max<ssize_t>(0, size)));
    return LastLines(tail, kMostOfState);
  }

 private:
  void LogLines() {
    size_t end = 0;
    while (lines_ < kMostLogged && (end = pending_.find('\n')) != std::string::npos) {
      Log(absl::string_view(pending_).substr(0, end));
      pending_.erase(0, end + 1);
    }
    if (pending_.size() > kLongestLine) {
      Log(pending_);
      pending_.clear();
    }
  }

  void Log(absl::string_view line) {
    if (lines_ == kMostLogged) return;
    LogInfo(absl::StrCat("output of ", program_.name),
            {{"service", program_.service}, {"line", std::string(line.substr(0, kLongestLine))}});
    if (++lines_ < kMostLogged) return;
    LogInfo(absl::StrCat("further output of ", program_.name, " is not logged"),
            {{"service", program_.service}, {"file", program_.output_file}});
  }

  const ProfileProgram& program_;
  const Fd file_;
  off_t offset_ = 0;
  int lines_ = 0;
  std::string pending_;  // without the end of a line
};

absl::StatusOr<Fd> OpenOutput(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  // Appended to, because what an earlier run left behind may write to it as well.
  Fd file(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file) return file;
  return FileStatus(errno, absl::StrCat("open ", path, " for the output"));
}

absl::Status ToStatus(const std::string& path, const absl::StatusOr<CommandResult>& result,
                      const std::string& end) {
  const std::string output = end.empty() ? "" : absl::StrCat("; the end of its output:\n", end);
  if (result.ok() && result->ok()) return absl::OkStatus();
  if (result.ok()) {
    const int status = result->exit_status;
    const std::string how = status > 128 ? absl::StrCat("signal ", status - 128, " ended it")
                                         : absl::StrCat("it failed with exit status ", status);
    return absl::FailedPreconditionError(absl::StrCat(path, ": ", how, output));
  }
  const absl::Status& error = result.status();
  const bool cannot =
      absl::IsNotFound(error) || absl::IsPermissionDenied(error) || absl::IsInvalidArgument(error);
  return absl::Status(cannot ? absl::StatusCode::kFailedPrecondition : error.code(),
                      absl::StrCat(error.message(), output));
}

}  // namespace

absl::Status RunProfileProgram(ProcessRunner& runner, const ProfileProgram& program,
                               std::stop_token stop) {
  const std::string path = absl::StrCat(program.profile, "/bin/", program.name);
  if (access(path.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the profile ", program.profile, " has no program bin/", program.name));
  }
  if (stop.stop_requested()) return absl::CancelledError(absl::StrCat("stopped before ", path));
  absl::StatusOr<Fd> file = OpenOutput(program.output_file);
  if (!file.ok()) return file.status();
  OutputLog log(program, *std::move(file));
  Command command;
  command.argv = {path};
  command.environment = program.environment;
  const bool has_path = std::any_of(program.environment.begin(), program.environment.end(),
                                    [](const auto& variable) { return variable.first == "PATH"; });
  if (!has_path) command.environment.emplace_back("PATH", kPath);
  command.timeout = program.timeout;
  command.output_file = log.descriptor();
  command.give_up = [&] {
    log.Forward();
    return stop.stop_requested();
  };
  const absl::StatusOr<CommandResult> result = runner.Run(command);
  log.Finish();
  return ToStatus(path, result, result.ok() && result->ok() ? "" : log.End());
}

}  // namespace gitops
