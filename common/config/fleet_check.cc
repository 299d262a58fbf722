#include "common/config/fleet_check.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

constexpr absl::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr absl::string_view kDigits = "0123456789";

absl::Status Refuse(absl::string_view value, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", value, "\" ", why));
}

// The first character that is not a letter, a digit or one of `more`; empty if there is none.
absl::string_view FirstOtherCharacter(absl::string_view text, absl::string_view more) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto in = [&](absl::string_view set) {
      return set.find(text[i]) != absl::string_view::npos;
    };
    if (!in(kLetters) && !in(kDigits) && !in(more)) return text.substr(i, 1);
  }
  return "";
}

absl::Status CheckCharacters(absl::string_view text, absl::string_view more,
                             absl::string_view what) {
  const absl::string_view other = FirstOtherCharacter(text, more);
  if (other.empty()) return absl::OkStatus();
  const bool printable = absl::ascii_isgraph(static_cast<unsigned char>(other[0]));
  return Refuse(text, absl::StrCat("is not a ", what, ": it contains ",
                                   printable      ? absl::StrCat("'", other, "'")
                                   : other == " " ? "a space"
                                                  : "a character outside ASCII"));
}

bool IsFirstOneOf(absl::string_view text, absl::string_view set) {
  return !text.empty() && set.find(text[0]) != absl::string_view::npos;
}

}  // namespace

absl::Status CheckServiceName(absl::string_view name) {
  if (name.empty()) return Refuse(name, "is not a service name: it is empty");
  if (name.size() > 255) return Refuse(name, "is not a service name: it is longer than 255 bytes");
  absl::Status status = CheckCharacters(name, ":-_.\\@", "service name");
  if (!status.ok()) return status;
  if (IsFirstOneOf(name, ".-@")) {
    return Refuse(name,
                  "is not a service name: it must start with a letter, a digit, '_', ':' or '\\'");
  }
  if (absl::EndsWith(name, "@") || absl::StrContains(name, "@.")) {
    return Refuse(name, "is a template: give an instance, for example \"name@instance\"");
  }
  return absl::OkStatus();
}

absl::Status CheckHostName(absl::string_view name) {
  if (name.empty()) return Refuse(name, "is not a host name: it is empty");
  if (name.size() > 253) return Refuse(name, "is not a host name: it is longer than 253 bytes");
  if (IsFirstOneOf(name, "-.")) {
    return Refuse(name, "is not a host name: it must start with a letter or a digit");
  }
  return CheckCharacters(name, "-_.:", "host name");
}

absl::Status CheckUserName(absl::string_view user) {
  if (!IsFirstOneOf(user, kLetters) && !IsFirstOneOf(user, "_")) {
    return Refuse(user,
                  "is not a user name: it must start with a letter or '_' (a name, not a number)");
  }
  if (user.size() > 256) return Refuse(user, "is not a user name: it is longer than 256 bytes");
  // Samba's machine accounts end with '$'.
  absl::Status status = CheckCharacters(absl::StripSuffix(user, "$"), "_-.@", "user name");
  return status;
}

absl::Status CheckOwner(absl::string_view owner) {
  const bool digits = owner.find_first_not_of(kDigits) == absl::string_view::npos;
  uint32_t number = 0;
  // Without -1, which means "unchanged" in chown(2).
  const bool is_number = absl::SimpleAtoi(owner, &number) && number < 0xFFFFFFFF;
  if (!digits && (IsFirstOneOf(owner, kLetters) || IsFirstOneOf(owner, "_"))) {
    return CheckUserName(owner);
  }
  if (digits && is_number) return absl::OkStatus();
  return Refuse(owner,
                "is not an owner: write a name, which starts with a letter or '_', or a number "
                "from 0 to 4294967294");
}

absl::Status CheckPackage(absl::string_view package) {
  if (IsFirstOneOf(package, "-") || absl::EndsWith(package, "-")) {
    // apt interprets a trailing '-' as "remove".
    return Refuse(package, "is not a package name: it may not start or end with '-'");
  }
  return CheckCharacters(package, "+-._:~@/=", "package name");
}

absl::Status CheckPermissions(absl::string_view octal) {
  const bool digits = octal.find_first_not_of("01234567") == absl::string_view::npos;
  if (digits && (octal.size() == 3 || octal.size() == 4)) return absl::OkStatus();
  return Refuse(octal,
                "is not a file mode: write three or four octal digits, for example \"0400\"");
}

absl::Status CheckRequire(absl::string_view require) {
  if (require == "job" || require == "jobset") return absl::OkStatus();
  absl::string_view name = require;
  if (!absl::ConsumePrefix(&name, "aggregate:")) {
    return Refuse(require, "is not one of job, jobset, aggregate:NAME");
  }
  if (name.empty()) return Refuse(require, "has no job name: write \"aggregate:NAME\"");
  return CheckCharacters(name, "-_.", "job name");
}

absl::Status CheckProfile(absl::string_view profile) {
  if (absl::StartsWith(profile, "/")) return NormalizeAbsolutePath(profile).status();
  if (profile.empty()) return Refuse(profile, "is not a profile name: it is empty");
  if (IsFirstOneOf(profile, ".-")) {
    return Refuse(profile, "is not a profile name: it may not start with '.' or '-'");
  }
  return CheckCharacters(profile, "-_.+", "profile name");
}

}  // namespace gitops
