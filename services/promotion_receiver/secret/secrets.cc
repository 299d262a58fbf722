#include "services/promotion_receiver/secret/secrets.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/path/fd.h"

namespace gitops {
namespace {

constexpr size_t kMostBytes = 64 << 10;
constexpr size_t kLongestName = 255;

// No path leads out of the directory, and Kubernetes's own "..data" is no secret.
bool IsPlainName(absl::string_view name) {
  return !name.empty() && name.size() <= kLongestName && name.front() != '.' &&
         std::none_of(name.begin(), name.end(),
                      [](unsigned char c) { return c == '/' || absl::ascii_iscntrl(c); });
}

bool IsSigningKey(absl::string_view key) { return key == kHmacKey || key == kApprovalKey; }

absl::Status CannotRead(const std::string& path, absl::string_view why) {
  return absl::UnavailableError(absl::StrCat("cannot read the secret ", path, ": ", why));
}

absl::StatusOr<std::string> ReadSecret(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file) return CannotRead(path, absl::ErrnoToStatus(errno, "").message());
  std::string text(kMostBytes + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return CannotRead(path, absl::ErrnoToStatus(errno, "").message());
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > kMostBytes)
    return CannotRead(path, absl::StrCat("it has more than ", kMostBytes, " bytes"));
  text.resize(size);
  return text;
}

// Adds the forms of a value in which it is accepted.
void AddForms(const Secret& value, bool as_it_is, std::vector<Secret>& forms) {
  const std::string& text = value.Reveal();
  // Anybody could guess a key of white space alone.
  if (absl::StripAsciiWhitespace(text).empty()) return;
  std::vector<std::string> texts;
  if (as_it_is) texts = {text, std::string(absl::StripTrailingAsciiWhitespace(text))};
  texts.emplace_back(absl::StripAsciiWhitespace(text));
  for (const std::string& form : texts) {
    const bool known = std::any_of(forms.begin(), forms.end(),
                                   [&](const Secret& other) { return other.Reveal() == form; });
    if (!known) forms.emplace_back(form);
  }
}

std::string PathOf(absl::string_view directory, absl::string_view namespace_,
                   absl::string_view name, absl::string_view key) {
  return absl::StrCat(directory, "/", namespace_, "/", name, "/", key);
}

bool IsSame(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

bool Secrets::Stamp::operator==(const Stamp& other) const {
  return exists == other.exists && device == other.device && inode == other.inode &&
         size == other.size && IsSame(modified, other.modified) && IsSame(changed, other.changed);
}

absl::Status Secrets::StampOf(const std::string& path, Stamp& stamp) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) {
    stamp = Stamp();
    if (errno == ENOENT || errno == ENOTDIR) return absl::OkStatus();
    return CannotRead(path, absl::ErrnoToStatus(errno, "").message());
  }
  if (!S_ISREG(info.st_mode)) return CannotRead(path, "it is not a regular file");
  stamp = {.exists = true,
           .device = info.st_dev,
           .inode = info.st_ino,
           .size = info.st_size,
           .modified = info.st_mtim,
           .changed = info.st_ctim};
  return absl::OkStatus();
}

void Secrets::SetValue(Secret value, Entry& entry) {
  if (value.Reveal() == entry.value.Reveal()) return;
  if (!entry.value.empty()) {
    entry.replaced.insert(entry.replaced.begin(),
                          {.value = std::move(entry.value), .until = clock_->SteadyNow() + grace_});
  }
  entry.value = std::move(value);
}

void Secrets::Refresh(const std::string& path, Entry& entry) {
  Stamp stamp;
  absl::Status status = StampOf(path, stamp);
  if (status.ok() && !(stamp == entry.stamp)) {
    absl::StatusOr<std::string> text = stamp.exists ? ReadSecret(path) : std::string();
    status = text.status();
    if (text.ok()) {
      SetValue(Secret(*std::move(text)), entry);
      entry.stamp = stamp;
    }
  }
  if (entry.error == status.message()) return;
  entry.error = std::string(status.message());
  if (!status.ok()) LogError("a secret cannot be read", {{"error", entry.error}});
}

std::vector<Secret> Secrets::Current(const std::string& namespace_, const std::string& name,
                                     absl::string_view key) {
  if (directory_.empty() || !IsPlainName(namespace_) || !IsPlainName(name) || !IsPlainName(key)) {
    return {};
  }
  const std::string path = PathOf(directory_, namespace_, name, key);
  MutexLock lock(mutex_);
  Entry& entry = entries_[path];
  Refresh(path, entry);
  const SteadyTime now = clock_->SteadyNow();
  std::erase_if(entry.replaced, [now](const Replaced& old) { return old.until <= now; });
  std::vector<Secret> forms;
  AddForms(entry.value, IsSigningKey(key), forms);
  for (const Replaced& old : entry.replaced) AddForms(old.value, IsSigningKey(key), forms);
  return forms;
}

void Secrets::Look() {
  MutexLock lock(mutex_);
  for (auto& [path, entry] : entries_) Refresh(path, entry);
}

absl::Status Secrets::Readable(const std::string& namespace_, const std::string& name,
                               absl::string_view key) const {
  MutexLock lock(mutex_);
  const auto entry = entries_.find(PathOf(directory_, namespace_, name, key));
  if (entry == entries_.end() || entry->second.error.empty()) return absl::OkStatus();
  return absl::UnavailableError(entry->second.error);
}

}  // namespace gitops
