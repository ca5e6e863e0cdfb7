//! Directory objects as they look when nobody said anything about them.

use serde_json::{Value, json};

fn links() -> Value {
    json!({
        "logoUrl": null,
        "marketingUrl": null,
        "privacyStatementUrl": null,
        "supportUrl": null,
        "termsOfServiceUrl": null,
    })
}

fn publisher() -> Value {
    json!({"displayName": null, "verifiedPublisherId": null, "addedDateTime": null})
}

/// <https://learn.microsoft.com/graph/api/resources/application>
pub fn application() -> Value {
    json!({
        "id": null,
        "deletedDateTime": null,
        "appId": null,
        "applicationTemplateId": null,
        "disabledByMicrosoftStatus": null,
        "createdDateTime": null,
        "displayName": null,
        "description": null,
        "groupMembershipClaims": null,
        "identifierUris": [],
        "isDeviceOnlyAuthSupported": null,
        "isFallbackPublicClient": null,
        "notes": null,
        "publisherDomain": "emulator.onmicrosoft.com",
        "serviceManagementReference": null,
        "signInAudience": "AzureADandPersonalMicrosoftAccount",
        "tags": [],
        "tokenEncryptionKeyId": null,
        "samlMetadataUrl": null,
        "defaultRedirectUri": null,
        "certification": null,
        "optionalClaims": null,
        "servicePrincipalLockConfiguration": null,
        "requestSignatureVerification": null,
        "addIns": [],
        "api": {
            "acceptMappedClaims": null,
            "knownClientApplications": [],
            "requestedAccessTokenVersion": null,
            "oauth2PermissionScopes": [],
            "preAuthorizedApplications": [],
        },
        "appRoles": [],
        "info": links(),
        "keyCredentials": [],
        "parentalControlSettings": {"countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow"},
        "passwordCredentials": [],
        "publicClient": {"redirectUris": []},
        "requiredResourceAccess": [],
        "verifiedPublisher": publisher(),
        "web": {
            "homePageUrl": null,
            "logoutUrl": null,
            "redirectUris": [],
            "implicitGrantSettings": {
                "enableAccessTokenIssuance": false,
                "enableIdTokenIssuance": false,
            },
            "redirectUriSettings": [],
        },
        "spa": {"redirectUris": []},
    })
}

/// <https://learn.microsoft.com/graph/api/resources/serviceprincipal>
pub fn service_principal() -> Value {
    json!({
        "id": null,
        "deletedDateTime": null,
        "accountEnabled": true,
        "alternativeNames": [],
        "appDisplayName": null,
        "appDescription": null,
        "appId": null,
        "applicationTemplateId": null,
        "appOwnerOrganizationId": null,
        "appRoleAssignmentRequired": false,
        "createdDateTime": null,
        "description": null,
        "disabledByMicrosoftStatus": null,
        "displayName": null,
        "homepage": null,
        "loginUrl": null,
        "logoutUrl": null,
        "notes": null,
        "notificationEmailAddresses": [],
        "preferredSingleSignOnMode": null,
        "preferredTokenSigningKeyThumbprint": null,
        "replyUrls": [],
        "servicePrincipalNames": [],
        "servicePrincipalType": "Application",
        "signInAudience": null,
        "tags": [],
        "tokenEncryptionKeyId": null,
        "samlSingleSignOnSettings": null,
        "addIns": [],
        "appRoles": [],
        "info": links(),
        "keyCredentials": [],
        "oauth2PermissionScopes": [],
        "passwordCredentials": [],
        "resourceSpecificApplicationPermissions": [],
        "verifiedPublisher": publisher(),
    })
}

/// <https://learn.microsoft.com/graph/api/resources/group>
pub fn group() -> Value {
    json!({
        "id": null,
        "deletedDateTime": null,
        "classification": null,
        "createdDateTime": null,
        "creationOptions": [],
        "description": null,
        "displayName": null,
        "expirationDateTime": null,
        "groupTypes": [],
        "isAssignableToRole": null,
        "mail": null,
        "mailEnabled": false,
        "mailNickname": null,
        "membershipRule": null,
        "membershipRuleProcessingState": null,
        "onPremisesDomainName": null,
        "onPremisesLastSyncDateTime": null,
        "onPremisesNetBiosName": null,
        "onPremisesSamAccountName": null,
        "onPremisesSecurityIdentifier": null,
        "onPremisesSyncEnabled": null,
        "preferredDataLocation": null,
        "preferredLanguage": null,
        "proxyAddresses": [],
        "renewedDateTime": null,
        "resourceBehaviorOptions": [],
        "resourceProvisioningOptions": [],
        "securityEnabled": true,
        "securityIdentifier": null,
        "theme": null,
        "visibility": null,
        "onPremisesProvisioningErrors": [],
        "serviceProvisioningErrors": [],
    })
}

/// <https://learn.microsoft.com/graph/api/resources/user>
pub fn user() -> Value {
    json!({
        "id": null,
        "deletedDateTime": null,
        "accountEnabled": true,
        "businessPhones": [],
        "createdDateTime": null,
        "displayName": null,
        "givenName": null,
        "jobTitle": null,
        "mail": null,
        "mailNickname": null,
        "mobilePhone": null,
        "officeLocation": null,
        "otherMails": [],
        "preferredLanguage": null,
        "surname": null,
        "usageLocation": null,
        "userPrincipalName": null,
        "userType": "Member",
    })
}
