#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/path/read_file.h"
#include "common/server/replace_file.h"
#include "common/tls/authority.h"
#include "common/tls/certificate.h"
#include "ctl/commands/ca_commands.h"
#include "ctl/commands/confirm.h"
#include "ctl/output/document.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

constexpr int kIssuerDays = 730;

const Flags& FlagsOf(const AuthorityContext& context) { return context.invocation.flags; }

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

void Print(const AuthorityContext& context, const std::string& text) {
  context.console.out << text << std::flush;
}

AuthorityOptions OptionsFrom(const Flags& flags, AuthorityOptions defaults) {
  if (!flags.token_name.empty()) defaults.name = flags.token_name;
  defaults.days = flags.authority.days.value_or(defaults.days);
  return defaults;
}

absl::StatusOr<CertificateAuthority> OpenAuthority(const AuthorityContext& context) {
  return CertificateAuthority::Open(FlagsOf(context).authority.directory);
}

// The one that signs, which is the first of ca.crt.
absl::Status PrintRoot(const AuthorityContext& context, const std::string& what) {
  const std::string& directory = FlagsOf(context).authority.directory;
  const absl::StatusOr<CertificateAuthority> authority = CertificateAuthority::Open(directory);
  if (!authority.ok()) return authority.status();
  const absl::StatusOr<CertificateInfo> root = ReadCertificate(authority->authorities_pem());
  if (!root.ok()) return root.status();
  const Json tree = {{"directory", directory},
                     {"subject", root->subject},
                     {"notAfter", TimeText(root->not_after)},
                     {"sha256", root->fingerprint}};
  switch (context.options.form) {
    case OutputForm::kJson:
      Print(context, JsonText(tree));
      break;
    case OutputForm::kYaml:
      Print(context, YamlText(tree));
      break;
    case OutputForm::kName:
      Print(context, absl::StrCat(root->fingerprint, "\n"));
      break;
    default:
      Print(context,
            absl::StrCat(EscapeLine(directory), ": ", what, " ", root->subject, ", until ",
                         TimeText(root->not_after), "\nSHA-256 ", root->fingerprint, "\n"));
  }
  return absl::OkStatus();
}

// Who the certificate in --out belongs to; NOT_FOUND: there is none.
absl::StatusOr<CertificateInfo> PresentIn(const std::string& directory) {
  const std::string path = directory + "/tls.crt";
  const absl::StatusOr<std::string> pem = ReadWholeFile(path);
  if (!pem.ok()) return pem.status();
  absl::StatusOr<CertificateInfo> info = ReadCertificate(*pem);
  const absl::Status status = info.ok() ? info->identity.status() : info.status();
  if (status.ok()) return info;
  return absl::InvalidArgumentError(absl::StrCat("cannot use ", path, ": ", status.message()));
}

// Asks before files of another identity are replaced.
absl::Status ConfirmOut(const AuthorityContext& context, const Identity& identity) {
  const std::string& out = FlagsOf(context).out_file;
  const absl::StatusOr<CertificateInfo> present = PresentIn(out);
  const bool none = absl::IsNotFound(present.status());
  if (none && access((out + "/tls.key").c_str(), F_OK) != 0) return absl::OkStatus();
  if (present.ok() && *present->identity == identity) return absl::OkStatus();
  const std::string found =
      none           ? "a tls.key without tls.crt"
      : present.ok() ? absl::StrCat("the certificate of ", IdentityText(*present->identity))
                     : absl::StrCat("another tls.crt (", present.status().message(), ")");
  const std::string question = EscapeLine(absl::StrCat(
      out, " has ", found, "; replace it by a certificate of ", IdentityText(identity), "?"));
  absl::Status status = Confirm(context.invocation, context.console, question);
  if (!absl::IsInvalidArgument(status)) return status;
  return absl::InvalidArgumentError(absl::StrCat(question, " ", status.message()));
}

// The key before its certificate: a watching program takes neither until they fit.
absl::Status WriteOut(const std::string& directory, const IssuedMaterial& material) {
  if (mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot make ", directory));
  }
  for (const auto& [name, text, mode] : {std::tuple("ca.crt", &material.authorities_pem, 0644),
                                         std::tuple("tls.key", &material.key_pem.Reveal(), 0600),
                                         std::tuple("tls.crt", &material.chain_pem, 0644)}) {
    absl::Status status = ReplaceFile(absl::StrCat(directory, "/", name), *text, mode);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> Deliver(const AuthorityContext& context,
                                 const absl::StatusOr<IssuedMaterial>& material) {
  if (!material.ok()) return material.status();
  const std::string& out = FlagsOf(context).out_file;
  if (absl::Status status = WriteOut(out, *material); !status.ok()) return status;
  const IssuedCertificate& certificate = material->certificate;
  Print(context, CertificateText(certificate, context.options,
                                 absl::StrCat(out, ": ", certificate.holder, ", until ",
                                              TimeText(certificate.not_after), ", serial number ",
                                              certificate.serial)));
  return kDone;
}

}  // namespace

absl::StatusOr<ExitCode> InitAuthority(const AuthorityContext& context) {
  const Flags& flags = FlagsOf(context);
  const AuthorityOptions options = OptionsFrom(flags, {});
  const std::string& directory = flags.authority.directory;
  const absl::Status made = flags.authority.rotate
                                ? CertificateAuthority::Rotate(directory, options, absl::Now())
                                : CertificateAuthority::Init(directory, options, absl::Now());
  if (!made.ok()) return made;
  absl::Status printed =
      PrintRoot(context, flags.authority.rotate ? "the next root," : "a certificate authority,");
  if (!printed.ok()) return printed;
  if (flags.authority.rotate) {
    context.console.err << "gitopsctl: copy ca.crt to every --tls-dir before you issue or renew; "
                           "when all are renewed, 'gitopsctl ca retire' ends the old root\n";
  } else {
    context.console.err << "gitopsctl: whoever has ca.key can be anyone: keep it off the servers, "
                           "and a copy of the directory in a safe place\n";
  }
  return kDone;
}

absl::StatusOr<ExitCode> IssueCertificate(const AuthorityContext& context) {
  const Flags& flags = FlagsOf(context);
  LeafRequest request;
  request.identity = {*ParseRole(flags.token_role), flags.token_name};
  request.dns_names = flags.authority.dns_names;
  request.addresses = flags.authority.addresses;
  request.days = flags.authority.days.value_or(request.days);
  const absl::StatusOr<CertificateAuthority> authority = OpenAuthority(context);
  if (!authority.ok()) return authority.status();
  if (absl::Status status = ConfirmOut(context, request.identity); !status.ok()) return status;
  return Deliver(context, authority->Issue(request, absl::Now()));
}

absl::StatusOr<ExitCode> RenewCertificate(const AuthorityContext& context) {
  const Flags& flags = FlagsOf(context);
  const absl::StatusOr<CertificateAuthority> authority = OpenAuthority(context);
  if (!authority.ok()) return authority.status();
  const absl::StatusOr<CertificateInfo> present = PresentIn(flags.out_file);
  if (!present.ok()) return present.status();
  // A stolen key must not become valid again by a routine.
  if (absl::Status s = authority->CheckNotRevoked(present->serial); !s.ok()) return s;
  const auto days_before =
      static_cast<int>(absl::ToInt64Hours(present->not_after - present->not_before) / 24);
  const LeafRequest request{*present->identity, present->dns_names, present->addresses,
                            flags.authority.days.value_or(days_before)};
  if (!flags.authority.keep_key) return Deliver(context, authority->Issue(request, absl::Now()));
  const absl::StatusOr<std::string> key = ReadWholeFile(flags.out_file + "/tls.key");
  if (!key.ok()) return key.status();
  return Deliver(context, authority->IssueForKey(Secret(*key), request, absl::Now()));
}

absl::StatusOr<ExitCode> ListCertificates(const AuthorityContext& context) {
  const absl::StatusOr<CertificateAuthority> authority = OpenAuthority(context);
  if (!authority.ok()) return authority.status();
  const absl::StatusOr<std::vector<IssuedCertificate>> issued = authority->Issued();
  if (!issued.ok()) return issued.status();
  const absl::StatusOr<std::string> text = CertificatesText(*issued, context.options);
  if (!text.ok()) return text.status();
  Print(context, *text);
  return kDone;
}

absl::StatusOr<ExitCode> RevokeCertificates(const AuthorityContext& context) {
  const std::vector<std::string>& arguments = context.invocation.arguments;
  const absl::StatusOr<CertificateAuthority> authority = OpenAuthority(context);
  if (!authority.ok()) return authority.status();
  const std::string list = FlagsOf(context).authority.directory + "/crl.pem";
  if (arguments.empty()) {
    if (absl::Status s = authority->WriteRevocationLists(absl::Now()); !s.ok()) return s;
    context.console.err << "gitopsctl: written: " << EscapeLine(list) << "\n";
    return kDone;
  }
  const auto found = authority->FindValid(arguments[0], absl::Now());
  if (!found.ok()) return found.status();
  const std::string question = EscapeLine(
      absl::StrCat("revoke ", found->size(), found->size() == 1 ? " certificate" : " certificates",
                   " of ", found->front().holder, "?"));
  if (absl::Status s = Confirm(context.invocation, context.console, question); !s.ok()) return s;
  const auto revoked = authority->Revoke(arguments[0], FlagsOf(context).reason, absl::Now());
  if (!revoked.ok()) return revoked.status();
  const absl::StatusOr<std::string> text = CertificatesText(*revoked, context.options);
  if (!text.ok()) return text.status();
  Print(context, *text);
  context.console.err << "gitopsctl: copy " << EscapeLine(list) << " to every --tls-dir\n";
  return kDone;
}

absl::StatusOr<ExitCode> AddIssuer(const AuthorityContext& context) {
  const Flags& flags = FlagsOf(context);
  const absl::StatusOr<CertificateAuthority> authority = OpenAuthority(context);
  if (!authority.ok()) return authority.status();
  const auto issuer = authority->AddIssuer(
      flags.out_file, OptionsFrom(flags, {.name = "gitops issuer", .days = kIssuerDays}),
      absl::Now());
  if (!issuer.ok()) return issuer.status();
  Print(context,
        CertificateText(
            *issuer, context.options,
            absl::StrCat(flags.out_file, ": ", issuer->holder, ", for agents only, until ",
                         TimeText(issuer->not_after), ", serial number ", issuer->serial)));
  return kDone;
}

absl::StatusOr<ExitCode> RetireRoot(const AuthorityContext& context) {
  const absl::Status retired =
      CertificateAuthority::Retire(FlagsOf(context).authority.directory, absl::Now());
  if (!retired.ok()) return retired;
  absl::Status printed = PrintRoot(context, "the only root,");
  if (!printed.ok()) return printed;
  context.console.err << "gitopsctl: copy ca.crt and crl.pem to every --tls-dir\n";
  return kDone;
}

}  // namespace gitops::ctl
