#include "common/account/lookup.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace gitops {
namespace {

// Errors that, by getpwnam(3), some systems return if there is no such entry.
bool MeansNone(int error) {
  return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

// Calls `get` with a growing buffer: a group of thousands has a long list of members.
template <typename Entry, typename Get>
absl::Status Ask(Get get, absl::string_view kind, const std::string& name, Entry& entry,
                 std::vector<char>& room) {
  Entry* found = nullptr;
  int error = 0;
  for (;;) {
    error = get(&entry, room.data(), room.size(), &found);
    if (error == ERANGE) {
      room.resize(room.size() * 2);
    } else if (error != EINTR) {
      break;
    }
  }
  if (found != nullptr) return absl::OkStatus();
  if (MeansNone(error)) {
    return absl::NotFoundError(absl::StrCat("there is no ", kind, " \"", name, "\" on this host"));
  }
  return absl::UnavailableError(absl::StrCat("cannot look up the ", kind, " \"", name,
                                             "\" on this host: ", std::strerror(error)));
}

std::vector<char> Room() { return std::vector<char>(4 << 10); }

// `by_name` is the answer unless it is NOT_FOUND and `text` is a number.
template <typename Id>
absl::StatusOr<Id> OrNumber(absl::StatusOr<Id> by_name, const std::string& text) {
  Id number = 0;
  const bool digits = std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  if (!absl::IsNotFound(by_name.status()) || !digits || !absl::SimpleAtoi(text, &number) ||
      number == std::numeric_limits<Id>::max()) {
    return by_name;
  }
  return number;
}

}  // namespace

absl::StatusOr<UserAccount> LookUpUser(const std::string& name) {
  passwd entry = {};
  std::vector<char> room = Room();
  const auto get = [&](auto... rest) { return getpwnam_r(name.c_str(), rest...); };
  if (absl::Status asked = Ask(get, "account", name, entry, room); !asked.ok()) return asked;
  return UserAccount{entry.pw_uid, entry.pw_gid, entry.pw_name, entry.pw_dir};
}

absl::StatusOr<UserAccount> LookUpUser(uid_t uid) {
  passwd entry = {};
  std::vector<char> room = Room();
  const auto get = [uid](auto... rest) { return getpwuid_r(uid, rest...); };
  const std::string name = absl::StrCat("uid ", uid);
  if (absl::Status asked = Ask(get, "account", name, entry, room); !asked.ok()) return asked;
  return UserAccount{entry.pw_uid, entry.pw_gid, entry.pw_name, entry.pw_dir};
}

absl::StatusOr<gid_t> LookUpGroup(const std::string& name) {
  group entry = {};
  std::vector<char> room = Room();
  const auto get = [&](auto... rest) { return getgrnam_r(name.c_str(), rest...); };
  if (absl::Status asked = Ask(get, "group", name, entry, room); !asked.ok()) return asked;
  return entry.gr_gid;
}

absl::StatusOr<uid_t> UserIdOf(const std::string& name_or_number) {
  const absl::StatusOr<UserAccount> user = LookUpUser(name_or_number);
  return OrNumber(user.ok() ? absl::StatusOr<uid_t>(user->uid) : user.status(), name_or_number);
}

absl::StatusOr<gid_t> GroupIdOf(const std::string& name_or_number) {
  return OrNumber(LookUpGroup(name_or_number), name_or_number);
}

}  // namespace gitops
