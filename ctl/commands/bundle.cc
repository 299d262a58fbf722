#include "ctl/commands/bundle.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/clock/timestamp.h"
#include "common/path/fd.h"
#include "common/path/write_all.h"
#include "common/process/process.h"

namespace gitops::ctl {
namespace {

absl::Status CannotWrite(const std::string& file, int error) {
  return absl::UnavailableError(absl::StrCat("cannot write ", file, ": ", strerror(error)));
}

absl::Status IsThere(const std::string& file) {
  return absl::AlreadyExistsError(
      absl::StrCat(file, " is there already, and is left as it is; --out names another file"));
}

absl::StatusOr<Fd> NewFile(const std::string& file) {
  Fd fd(open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd.get() >= 0) return fd;
  return errno == EEXIST ? IsThere(file) : CannotWrite(file, errno);
}

std::string VersionText(const v1::DebugInfo& info) {
  return absl::StrCat("component: ", info.component(), "\nversion: ", info.version(), "\n",
                      info.host().empty() ? "" : absl::StrCat("host: ", info.host(), "\n"),
                      "started: ", absl::FormatTime(FromTimestamp(info.start_time())), "\n");
}

}  // namespace

absl::StatusOr<Bundle> Bundle::Begin(const std::string& name) {
  const char* const base = getenv("TMPDIR");
  std::string directory = absl::StrCat(base == nullptr ? "/tmp" : base, "/gitopsctl.XXXXXX");
  if (mkdtemp(directory.data()) == nullptr) {
    return absl::UnavailableError(absl::StrCat("cannot create a directory in ",
                                               base == nullptr ? "/tmp" : base, ": ",
                                               strerror(errno), "; TMPDIR names another place"));
  }
  return Bundle(directory, name);
}

Bundle::Bundle(Bundle&& other) noexcept
    : directory_(std::exchange(other.directory_, "")), name_(std::move(other.name_)) {}

Bundle::~Bundle() {
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

absl::Status Bundle::Add(const std::string& path, absl::string_view text) {
  const std::filesystem::path file = std::filesystem::path(directory_) / name_ / path;
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  if (error) return CannotWrite(file.parent_path(), error.value());
  std::ofstream out(file, std::ios::binary);
  out << text << std::flush;
  return out.good() ? absl::OkStatus() : CannotWrite(file, errno);
}

absl::Status Bundle::Add(const std::string& directory, const v1::DebugInfo& info) {
  const std::pair<const char*, std::string> files[] = {
      {"version.txt", VersionText(info)},
      {"config.toml", info.config()},
      {"log.txt", absl::StrCat(absl::StrJoin(info.log_lines(), "\n"), "\n")},
      {"metrics.txt", info.metrics()},
  };
  for (const auto& [name, text] : files) {
    if (absl::Status s = Add(absl::StrCat(directory, "/", name), text); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status Bundle::Pack(const std::string& file) const {
  const absl::StatusOr<Fd> out = NewFile(file);
  if (!out.ok()) return out.status();
  gitops::Command tar;
  tar.argv = {"tar", "--create", "--gzip", "--owner=0", "--group=0", "--file=-", name_};
  tar.directory = directory_;
  tar.on_output = [&](absl::string_view piece) {
    const int error = WriteAll(out->get(), piece);
    return error == 0 ? absl::OkStatus() : CannotWrite(file, error);
  };
  const absl::StatusOr<CommandResult> result = NewProcessRunner()->Run(tar);
  if (result.ok() && result->ok()) return absl::OkStatus();
  unlink(file.c_str());
  if (!result.ok()) return result.status();
  return absl::InternalError(absl::StrCat("tar failed: ", result->error_output));
}

absl::Status CheckAbsent(const std::string& file) {
  struct stat ignored;
  const bool there = !file.empty() && lstat(file.c_str(), &ignored) == 0;
  return there ? IsThere(file) : absl::OkStatus();
}

std::string FileName(absl::string_view name) {
  std::string text;
  for (const char c : name) {
    const bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                       (c == '.' && !text.empty());
    if (plain) {
      text += c;
    } else {
      absl::StrAppendFormat(&text, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return text;
}

}  // namespace gitops::ctl
