from losses.CrossEntropy import CrossEntropy
from losses.MSELoss import MSELoss
