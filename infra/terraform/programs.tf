# What each program is told: variables in clear, secrets by the name of their parameter. .env.example explains each.

locals {
  ports = {
    gateway             = 8080
    user-service        = 8081
    event-service       = 8082
    queue-service       = 8083
    reservation-service = 8084
    payment-service     = 8085
  }

  # On EC2 each instance has all six, which call each other there; `localhost`, because production refuses the defaults.
  # On ECS a name has the addresses of all tasks of its program, and callers use all of them.
  hosts = {
    for name, _ in local.ports : name => var.compute == "ec2" ? "localhost" : "${name}.${local.name}.local"
  }

  for_all = merge({
    APP_ENV                = "prod"
    LOG_LEVEL              = "info"
    REDIS_URL              = "redis://${module.cache.address}:6379/0"
    KAFKA_BROKERS          = module.kafka.brokers
    PORTONE_BASE_URL       = "https://api.portone.io"
    AWS_REGION             = var.region
    SHUTDOWN_DRAIN_SECONDS = "15"
    }, {
    for name, port in local.ports :
    "${upper(replace(name, "-", "_"))}_URL" => "http://${local.hosts[name]}:${port}" if name != "gateway"
  })

  # The login's name is the service's own; libpq's PGPASSWORD carries its password, so that no address holds a secret.
  database_url = {
    for name, _ in local.ports :
    name => "postgres://${trimsuffix(name, "-service")}_svc_user@${module.database.address}:5432/ticketing?sslmode=require"
  }

  own_variables = {
    gateway = {
      # The load balancer lies in the public subnets; nothing else reaches the gateway.
      TRUSTED_PROXIES      = "10.0.1.0/24,10.0.2.0/24"
      CORS_ALLOWED_ORIGINS = join(",", var.front_end_origins)
      GATEWAY_REPLICAS     = tostring(var.scale.min)
    }
    user-service = merge({
      DATABASE_URL         = local.database_url["user-service"]
      RECAPTCHA_VERIFY_URL = "https://www.google.com/recaptcha/api/siteverify"
      }, {
      for provider, client in var.social_logins : "OAUTH_${upper(provider)}_CLIENT_ID" => client.client_id
      }, {
      for provider, client in var.social_logins : "OAUTH_${upper(provider)}_REDIRECT_URI" => client.redirect_uri
    })
    event-service       = merge({ DATABASE_URL = local.database_url["event-service"] }, local.poster_variables)
    queue-service       = { DATABASE_URL = local.database_url["queue-service"] }
    reservation-service = { DATABASE_URL = local.database_url["reservation-service"] }
    payment-service     = { DATABASE_URL = local.database_url["payment-service"] }
  }

  poster_variables = {
    S3_ENDPOINT       = "https://s3.${var.region}.amazonaws.com"
    S3_REGION         = var.region
    POSTER_BUCKET     = module.storage.posters.bucket
    POSTER_PUBLIC_URL = module.storage.posters.url
  }

  # A service verifies every caller, so it has all internal keys; the gateway only signs.
  internal_keys = [for service in ["GATEWAY", "USER", "EVENT", "QUEUE", "RESERVATION", "PAYMENT"] : "INTERNAL_KEY_${service}"]

  # variable = parameter, where they differ
  own_secrets = {
    gateway = {
      JWT_SECRET               = "JWT_SECRET"
      INTERNAL_KEY_GATEWAY     = "INTERNAL_KEY_GATEWAY"
      RECAPTCHA_SITE_KEY       = "RECAPTCHA_SITE_KEY"
      PORTONE_STORE_ID         = "PORTONE_STORE_ID"
      PORTONE_CHANNEL_KEY_CARD = "PORTONE_CHANNEL_KEY_CARD"
    }
    user-service = merge({ for provider, _ in var.social_logins : "OAUTH_${upper(provider)}_CLIENT_SECRET" => "OAUTH_${upper(provider)}_CLIENT_SECRET" }, {
      PGPASSWORD         = "DB_PASSWORD_USER"
      JWT_SECRET         = "JWT_SECRET"
      PERSONAL_DATA_KEYS = "PERSONAL_DATA_KEYS"
      BLIND_INDEX_KEY    = "BLIND_INDEX_KEY"
      RECAPTCHA_SECRET   = "RECAPTCHA_SECRET"
      RECAPTCHA_HOSTNAME = "RECAPTCHA_HOSTNAME"
      PORTONE_API_SECRET = "PORTONE_API_SECRET"
    })
    event-service = { PGPASSWORD = "DB_PASSWORD_EVENT" }
    queue-service = {
      PGPASSWORD          = "DB_PASSWORD_QUEUE"
      QUEUE_TICKET_SECRET = "QUEUE_TICKET_SECRET"
    }
    reservation-service = { PGPASSWORD = "DB_PASSWORD_RESERVATION" }
    payment-service = {
      PGPASSWORD               = "DB_PASSWORD_PAYMENT"
      PORTONE_API_SECRET       = "PORTONE_API_SECRET"
      PORTONE_WEBHOOK_SECRET   = "PORTONE_WEBHOOK_SECRET"
      PORTONE_STORE_ID         = "PORTONE_STORE_ID"
      PORTONE_CHANNEL_KEY_CARD = "PORTONE_CHANNEL_KEY_CARD"
      PAYMENT_REDIRECT_URL     = "PAYMENT_REDIRECT_URL"
    }
  }

  secrets = {
    for name, own in local.own_secrets :
    name => merge(own, name == "gateway" ? {} : { for key in local.internal_keys : key => key })
  }

  secret_names     = toset(flatten([for own in local.secrets : values(own)]))
  parameter_prefix = "/ticket-queue/${var.environment}"

  log_days = merge(
    { for name in ["event-service", "queue-service", "reservation-service", "ticketctl"] : name => var.log_retention_days },
    { for name in ["gateway", "user-service", "payment-service"] : name => 7 },
  )

  programs = {
    for name, port in local.ports : name => {
      port        = port
      environment = merge(local.for_all, { PORT = tostring(port), HOST = var.compute == "ec2" && name != "gateway" ? "127.0.0.1" : "0.0.0.0" }, local.own_variables[name], var.settings)
      secrets     = { for variable, parameter in local.secrets[name] : variable => module.parameters.arns[parameter] }
      image       = module.storage.repository_urls[name]
      log_group   = module.watch.log_groups[name]
    }
  }

  # Administrators and the keys of personal data are written as the user service would, with all its settings; but with the master's
  # login, whose password is the one that PGPASSWORD carries here.
  operator = {
    environment = merge(
      { for variable, value in local.programs["user-service"].environment : variable => value if variable != "DATABASE_URL" },
      { TICKETCTL_DATABASE_URL = "postgres://ticketing_master@${module.database.address}:5432/ticketing?sslmode=require" },
    )
    secrets = merge(
      { for variable, arn in local.programs["user-service"].secrets : variable => arn if variable != "PGPASSWORD" },
      { PGPASSWORD = "${module.database.master_secret_arn}:password::" },
      { for service in ["USER", "EVENT", "QUEUE", "RESERVATION", "PAYMENT"] : "DB_PASSWORD_${service}" => module.parameters.arns["DB_PASSWORD_${service}"] },
    )
    image     = module.storage.repository_urls["ticketctl"]
    log_group = module.watch.log_groups["ticketctl"]
  }
}

# What the programs may do in AWS: posters, their logs, and on EC2 their images and secrets.
data "aws_iam_policy_document" "programs" {
  statement {
    sid       = "Posters"
    actions   = ["s3:PutObject", "s3:DeleteObject"]
    resources = ["${module.storage.posters.arn}/posters/*"]
  }

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [for arn in module.watch.log_group_arns : "${arn}:*"]
  }

  dynamic "statement" {
    for_each = var.compute == "ec2" ? [1] : []

    content {
      sid       = "Secrets"
      actions   = ["ssm:GetParameter"]
      resources = concat(values(module.parameters.arns), [module.parameters.release.arn])
    }
  }

  dynamic "statement" {
    for_each = var.compute == "ec2" ? [1] : []

    content {
      sid       = "MasterForMigrations"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [module.database.master_secret_arn]
    }
  }

  dynamic "statement" {
    for_each = var.compute == "ec2" ? [1] : []

    content {
      sid       = "Images"
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = module.storage.repository_arns
    }
  }

  dynamic "statement" {
    for_each = var.compute == "ec2" ? [1] : []

    content {
      sid       = "RegistryLogin"
      actions   = ["ecr:GetAuthorizationToken"]
      resources = ["*"]
    }
  }
}
